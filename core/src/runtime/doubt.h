/* doubt: an invalidation was lost, so that the store may hold an old value of any key.  It lasts for as long as such a
 * value can: the longest time to live that this cache has asked for, and the windows after it.  Threads: any. */
#ifndef RESILICACHE_RUNTIME_DOUBT_H
#define RESILICACHE_RUNTIME_DOUBT_H

#include "engine/policy.h"

#include <stdatomic.h>

struct doubt {
    _Atomic int64_t longest_ms; /* time to live */
    _Atomic int64_t until_ms;   /* 0: there never was any */
};

void doubt_note_life(struct doubt *doubt, int64_t life_ms);
void doubt_begin(struct doubt *doubt, const struct policy *policy, int64_t now_ms);
/* 0: there is none. */
int64_t doubt_left_ms(const struct doubt *doubt);

#endif
