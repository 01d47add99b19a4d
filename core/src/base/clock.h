/* clock: the monotonic clock, in milliseconds.  The wall clock has no part in anything. */
#ifndef RESILICACHE_BASE_CLOCK_H
#define RESILICACHE_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_now_us(void);
int64_t clock_now_ms(void);
/* From now until then, as poll wants it: -1 for ever (INT64_MAX), at most a minute, rounded up. */
int clock_timeout_ms(int64_t until_ms);

#endif
