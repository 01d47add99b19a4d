/* clock: the monotonic clock, in milliseconds.  The wall clock has no part in anything. */
#ifndef RESILICACHE_BASE_CLOCK_H
#define RESILICACHE_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_now_us(void);
int64_t clock_now_ms(void);

#endif
