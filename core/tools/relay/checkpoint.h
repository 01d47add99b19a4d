/* checkpoint: a file with a position, always a whole one: the next is written beside it, then takes its name. */
#ifndef RESILICACHE_TOOLS_RELAY_CHECKPOINT_H
#define RESILICACHE_TOOLS_RELAY_CHECKPOINT_H

#include "relay/event.h"
#include "relay/position.h"

#include <stdbool.h>

/* No file is no position.  These two: false with `why`. */
bool checkpoint_load(const char *path, struct position *position, struct why *why);
bool checkpoint_save(const char *path, const struct position *position, struct why *why);

#endif
