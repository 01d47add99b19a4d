#include "runtime/stripes.h"

#include "runtime/cache.h"

void stripes_open(struct rcache *cache) {
    for (size_t i = 0; i < STRIPES; i++) {
        cache->stripes[i].shares = 1;
        cache_hold(cache);
    }
}

void stripes_close(struct rcache *cache) {
    for (size_t i = 0; i < STRIPES; i++)
        stripe_leave(cache, &cache->stripes[i]);
}

struct stripe *stripe_enter(struct rcache *cache) {
    struct stripe *stripe = &cache->stripes[stripe_of_thread()];
    if (stripe->shares++ == 0)
        cache_hold(cache);
    return stripe;
}

void stripe_leave(struct rcache *cache, struct stripe *stripe) {
    if (--stripe->shares == 0)
        cache_drop(cache);
}

uint64_t stripes_calls(const struct rcache *cache) {
    uint64_t calls = 0;
    for (size_t i = 0; i < STRIPES; i++)
        calls += cache->stripes[i].calls;
    return calls;
}

void stripes_count(const struct rcache *cache, struct counters *sum) {
#define COUNTERS_ADD(name)                            \
    sum->name = cache->counters.name;                 \
    for (size_t i = 0; i < STRIPES; i++)              \
        sum->name += cache->stripes[i].counters.name;
    COUNTERS(COUNTERS_ADD)
#undef COUNTERS_ADD
}
