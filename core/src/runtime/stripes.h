/* stripes: what every op counts, once for each stripe of threads, so that ops on different cores share none of it.
 *
 * Shares of the cache among them.  A stripe that gives out its first one holds on to the cache itself until it has them
 * all back; while the handle is open each stripe has one, of the handle, and the cache's own count isn't touched. */
#ifndef RESILICACHE_RUNTIME_STRIPES_H
#define RESILICACHE_RUNTIME_STRIPES_H

#include "base/stripe.h"
#include "engine/counters.h"

struct rcache;

struct stripe {
    _Atomic uint32_t shares; /* of the cache, that ops have */
    _Atomic uint64_t calls;  /* begun */
    struct counters counters;
};

/* When the cache is opened, and closed. */
void stripes_open(struct rcache *cache);
void stripes_close(struct rcache *cache);

/* A share in the cache, for who has one already, if only for now; it is given back to the same stripe. */
struct stripe *stripe_enter(struct rcache *cache);
void stripe_leave(struct rcache *cache, struct stripe *stripe);

/* Of all of them together, and what the engine has counted. */
uint64_t stripes_calls(const struct rcache *cache);
void stripes_count(const struct rcache *cache, struct counters *sum);

#endif
