#define _POSIX_C_SOURCE 200809L
#include "latency.h"

#include <time.h>

uint64_t latency_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void latencies_add(struct latencies *latencies, uint64_t ns) {
    ns = ns < LATENCY_PARTS ? LATENCY_PARTS : ns;
    unsigned exponent = 63 - (unsigned)__builtin_clzll(ns);
    latencies->counts[exponent * LATENCY_PARTS + (ns >> (exponent - 4)) % LATENCY_PARTS]++;
}

void latencies_join(struct latencies *latencies, const struct latencies *other) {
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
        latencies->counts[i] += other->counts[i];
}

double latencies_percentile_us(const struct latencies *latencies, double share) {
    uint64_t total = 0, below = 0;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
        total += latencies->counts[i];
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        below += latencies->counts[i];
        if (below > 0 && (double)below >= share * (double)total) {
            unsigned exponent = i / LATENCY_PARTS, part = i % LATENCY_PARTS;
            return (double)(LATENCY_PARTS + part + 1) * (double)(UINT64_C(1) << (exponent - 4)) / 1000;
        }
    }
    return 0;
}
