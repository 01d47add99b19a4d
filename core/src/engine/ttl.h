/* ttl: how long an entry lives.  A random part is taken off, so that what was stored together doesn't expire
 * together. */
#ifndef RESILICACHE_ENGINE_TTL_H
#define RESILICACHE_ENGINE_TTL_H

#include "base/random.h"
#include "engine/policy.h"

/* ttl_ms less up to random_expire_adjustment of it; at least 1.  `delay` has no part in it. */
static inline int64_t ttl_jittered(int64_t ttl_ms, const struct policy *policy, struct random *random) {
    double taken = (double)ttl_ms * policy->random_expire_adjustment * random_fraction(random);
    int64_t left = ttl_ms - (int64_t)taken;
    return left > 0 ? left : 1;
}

#endif
