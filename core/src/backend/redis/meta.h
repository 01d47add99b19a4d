/* meta: the fourth field of an entry: what value, lockUntil and lockOwner can't say.  Items joined by ';':
 *
 *   e=<16 hex>   epoch of the server process that stored the value
 *   n=<decimal>  length of the value that this belongs to, and
 *   h=<16 hex>   its XXH64 (seed 0): where they don't fit, e, a, s and d say nothing.  Of a packed entry, whose value
 *                nobody can replace alone, both are left out
 *   d=<decimal>  how long it took to load, in ms
 *   a            the value stands for "there is none"
 *   s=<decimal>  server time in ms until which the value is fresh, where the entry lives on; written by the scripts, as
 *   t=<decimal>  server time in ms until which a value that was invalidated may be served, and
 *   r=<decimal>  server time in ms until which nobody else is to refresh it, and
 *   b=<decimal>  how many loads have failed since the last that brought something
 *   v=<decimal>  the newest version of the row that is known, and
 *   f=<decimal>  the fence of the last lock for update, and
 *   i=<decimal>  server time in ms until which a load may have read what was before the last invalidation
 *
 * Unknown items are skipped. */
#ifndef RESILICACHE_BACKEND_REDIS_META_H
#define RESILICACHE_BACKEND_REDIS_META_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum { META_SIZE_MAX = 104 };

struct meta {
    uint64_t epoch; /* 0: not told */
    bool absent;
    bool marked;            /* t, of whatever value; means something where there is a lease */
    int64_t fresh_until_ms; /* 0: as long as it lives */
    int64_t refresh_until_ms;
    int64_t load_ms; /* 0: not told */
};

/* Writes the meta of the value, or of a packed entry, for which `value` is NULL; returns its length. */
size_t meta_write(char text[META_SIZE_MAX], const struct meta *meta, const struct slice *value);
/* Of any bytes: what it can't read, or what doesn't belong to the value, is as if it weren't there. */
struct meta meta_read(struct slice text, struct slice value, bool packed);

#endif
