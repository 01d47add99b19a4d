#include "relay/progress.h"

void progress_begin(struct progress *progress, const struct position *from) {
    *progress = (struct progress){ .from = *from, .skipping = from->kind != POSITION_NONE };
}

bool progress_wants(struct progress *progress, const struct event *event) {
    if (event->unplaced)
        return true;
    if (!event->inside) {
        progress->last_skipped = progress->skipping && position_within(&event->position, &progress->from);
        progress->skipping = progress->last_skipped;
        /* It is past the position before: nothing more comes of that. */
        if (progress->pending.kind != POSITION_NONE && !position_same(&progress->pending, &event->position))
            progress->complete = progress->pending;
        progress->pending = (struct position){ .kind = POSITION_NONE };
    }
    return !progress->last_skipped;
}

void progress_take(struct progress *progress, const struct event *event) {
    if (event->unplaced || event->inside || progress->last_skipped)
        return;
    if (event->complete)
        progress->complete = event->position;
    else
        progress->pending = event->position;
}
