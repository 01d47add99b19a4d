/* clock: the monotonic clock, in milliseconds.  The clock of the day has a part in fences alone. */
#ifndef RESILICACHE_BASE_CLOCK_H
#define RESILICACHE_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_now_us(void);
int64_t clock_now_ms(void);
/* Since 1970, by a clock that may be set. */
int64_t clock_day_us(void);
/* From now until then, as poll wants it: -1 for ever (INT64_MAX), at most a minute, rounded up. */
int clock_timeout_ms(int64_t until_ms);

#endif
