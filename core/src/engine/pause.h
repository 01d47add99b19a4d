/* pause: how long to wait before trying again. */
#ifndef RESILICACHE_ENGINE_PAUSE_H
#define RESILICACHE_ENGINE_PAUSE_H

#include "base/random.h"

#include <stdint.h>

/* For what may be there at any time: an eighth is added each time, so that what is missed stays a small part of the
 * time waited; it begins at 1 ms, near one round trip. */
static inline int64_t pause_after(int64_t pause_ms, int64_t longest_ms) {
    int64_t next_ms = pause_ms < 8 ? pause_ms + 1 : pause_ms + pause_ms / 8;
    return next_ms < longest_ms ? next_ms : longest_ms;
}

/* For what has failed: as long again each time. */
static inline int64_t pause_doubled(int64_t pause_ms, int64_t longest_ms) {
    return pause_ms < longest_ms - pause_ms ? 2 * pause_ms : longest_ms;
}

/* The pause less up to half of it, so that those who failed together don't try again together. */
static inline int64_t pause_jittered(int64_t pause_ms, struct random *random) {
    return pause_ms / 2 + (int64_t)(random_fraction(random) * (double)pause_ms / 2);
}

#endif
