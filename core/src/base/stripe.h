/* stripe: which of a few places is a thread's.  What all threads write all the time has a place for each stripe, so
 * that it need not travel from core to core.  Two threads may have the same one: places are shared, only rarely. */
#ifndef RESILICACHE_BASE_STRIPE_H
#define RESILICACHE_BASE_STRIPE_H

#include <errno.h>
#include <stdint.h>

enum { STRIPES = 16, STRIPE_SIZE = 64 /* bytes that a core has for itself */ };

/* By the place of what each thread has of its own, in C itself: errno. */
static inline uint32_t stripe_of_thread(void) {
    return (uint32_t)(((uint64_t)(uintptr_t)&errno * 0x9E3779B97F4A7C15u) >> 60);
}

_Static_assert(STRIPES == 1 << 4, "as many as the upper bits tell apart");

#endif
