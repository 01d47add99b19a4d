/* progress: which events are to be skipped, since they were applied before, and how far what has come is complete. */
#ifndef RESILICACHE_TOOLS_RELAY_PROGRESS_H
#define RESILICACHE_TOOLS_RELAY_PROGRESS_H

#include "relay/event.h"
#include "relay/position.h"

#include <stdbool.h>

struct progress {
    struct position from;    /* where it begins: up to here all was applied */
    bool skipping;           /* nothing behind `from` was seen yet */
    bool last_skipped;       /* what belongs to the last position is skipped */
    struct position pending; /* of the last event; more may come of it */
    struct position complete; /* nothing more comes of it: once the keys so far are invalidated, it is a checkpoint */
};

void progress_begin(struct progress *progress, const struct position *from);
/* Whether the event is to be applied.  To be told before its keys are taken. */
bool progress_wants(struct progress *progress, const struct event *event);
/* After its keys were taken, or it was skipped. */
void progress_take(struct progress *progress, const struct event *event);

#endif
