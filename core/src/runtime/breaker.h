/* breaker: whether a server is asked at all.  After enough failures nobody asks it any more but, now and then, a probe.
 *
 *   CLOSED -> OPEN, for a pause -> PROBING -> CLOSED
 *                                          -> OPEN, for a longer pause
 *
 * No I/O, no clock.  Threads: breaker_answered any; the rest by one at a time. */
#ifndef RESILICACHE_RUNTIME_BREAKER_H
#define RESILICACHE_RUNTIME_BREAKER_H

#include "base/random.h"

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_PROBING };

/* Of the options. */
struct breaker_rules {
    uint32_t failures; /* in a row; 0: it never opens */
    double rate;       /* of all requests of a window */
    int64_t pause_ms;  /* the first one */
};

enum { BREAKER_WINDOW_MS = 10000, BREAKER_WINDOW_LEAST = 20, BREAKER_PAUSE_MAX_MS = 30000 };

struct breaker {
    _Atomic uint32_t state;     /* enum breaker_state */
    _Atomic uint32_t in_a_row;  /* failures */
    _Atomic uint64_t answered;  /* since ever */
    int64_t window_ms;          /* a window begins with a failure */
    uint64_t window_answered;   /* `answered` when it began */
    uint32_t window_failed;
    int64_t pause_ms;
    _Atomic int64_t until_ms; /* OPEN: no probe before */
    int64_t since_ms; /* OPEN, PROBING: when it left CLOSED */
};

/* So many requests had an answer, be it an error. */
static inline void breaker_answered(struct breaker *breaker, uint64_t count) {
    breaker->answered += count;
    if (breaker->in_a_row != 0)
        breaker->in_a_row = 0;
}

/* One had none.  True: that has opened it. */
bool breaker_failed(struct breaker *breaker, const struct breaker_rules *rules, int64_t now_ms, struct random *random);
/* True: it is time for a probe, which the caller sends. */
bool breaker_takes_probe(struct breaker *breaker, int64_t now_ms);
/* What came of it. */
void breaker_probed(struct breaker *breaker, const struct breaker_rules *rules, bool answered, int64_t now_ms,
                    struct random *random);
/* Nothing did: it could not be sent, or its failure is none of the server's. */
void breaker_unprobed(struct breaker *breaker, int64_t now_ms);

#endif
