/* quantity: numbers with a unit, from text.  Knows no locale, so that "1.5s" means the same in every program. */
#ifndef RESILICACHE_RUNTIME_QUANTITY_H
#define RESILICACHE_RUNTIME_QUANTITY_H

#include "base/slice.h"

#include <stdint.h>

/* What is larger becomes this, and no range goes so far: far from INT64_MAX, so that sums can't overflow. */
#define QUANTITY_MAX INT64_C(1000000000000000000)

/* Each returns false for text that is no such thing.  None takes signs, spaces or exponents; case doesn't matter. */
bool quantity_integer(struct slice text, int64_t *number);
/* "0.1", in billionths: nothing here needs floating point. */
bool quantity_billionths(struct slice text, int64_t *billionths);
/* "250ms", "3s", "1.5m", "1h" or bare seconds.  Rounded, but never to 0 what is not 0. */
bool quantity_duration(struct slice text, int64_t *ms);
/* "64kb", "256mb", "1.5gb" (each 1024 times the one before) or bare bytes. */
bool quantity_size(struct slice text, int64_t *bytes);
/* yes, true, on, 1: 1.  no, false, off, 0: 0. */
bool quantity_boolean(struct slice text, int64_t *truth);

#endif
