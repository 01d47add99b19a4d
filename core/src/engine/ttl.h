/* ttl: how long an entry lives.  A random part is taken off, so that what was stored together doesn't expire
 * together. */
#ifndef RESILICACHE_ENGINE_TTL_H
#define RESILICACHE_ENGINE_TTL_H

#include "base/random.h"
#include "engine/policy.h"
#include "engine/verbs.h"

/* ttl_ms less up to random_expire_adjustment of it; at least 1.  `delay` has no part in it. */
static inline int64_t ttl_jittered(int64_t ttl_ms, const struct policy *policy, struct random *random) {
    double taken = (double)ttl_ms * policy->random_expire_adjustment * random_fraction(random);
    int64_t left = ttl_ms - (int64_t)taken;
    return left > 0 ? left : 1;
}

/* How long an entry is kept when its time is over. */
static inline int64_t ttl_kept_ms(const struct policy *policy) {
    int64_t revalidate_ms = policy->stale_while_revalidate_ms, error_ms = policy->stale_if_error_ms;
    return revalidate_ms > error_ms ? revalidate_ms : error_ms;
}

/* Whether entries tell when their time is over. */
static inline bool ttl_is_told(const struct policy *policy) {
    return ttl_kept_ms(policy) > 0 || policy->early > 0 || policy->xfetch_beta > 0;
}

/* The request stores something that is fresh for so long. */
static inline void ttl_give(struct request *request, int64_t fresh_ms, const struct policy *policy) {
    int64_t kept_ms = fresh_ms > 0 ? ttl_kept_ms(policy) : 0;
    request->fresh_ms = ttl_is_told(policy) ? fresh_ms : 0;
    request->life_ms = kept_ms < INT64_MAX - fresh_ms ? fresh_ms + kept_ms : INT64_MAX;
}

#endif
