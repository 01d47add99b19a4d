/* latency: how long calls took, counted by powers of two of nanoseconds, each in sixteen parts. */
#ifndef RESILICACHE_TOOLS_LATENCY_H
#define RESILICACHE_TOOLS_LATENCY_H

#include <stdint.h>

enum { LATENCY_PARTS = 16, LATENCY_BUCKETS = 64 * LATENCY_PARTS };

struct latencies {
    uint32_t counts[LATENCY_BUCKETS];
};

/* On the monotonic clock. */
uint64_t latency_now_ns(void);
void latencies_add(struct latencies *latencies, uint64_t ns);
void latencies_join(struct latencies *latencies, const struct latencies *other);
/* So long took that share of the calls at most, in microseconds and at most a sixteenth too much; of none, 0. */
double latencies_percentile_us(const struct latencies *latencies, double share);

#endif
