/* packed: an entry as one string: the value, and behind it a trailer with the rest.  scripts/key.lua reads it, too.
 *
 *   value · lockUntil · lockOwner · meta · padding ·
 *   the sizes of the last four, a byte each, with 128 more in the first where there is a value · 0xF5 0xFE
 *
 * At the end, so that it can grow in its place and a large value is read into where it stays. */
#ifndef RESILICACHE_BACKEND_REDIS_PACKED_H
#define RESILICACHE_BACKEND_REDIS_PACKED_H

#include "base/slice.h"

#include <stdbool.h>

struct packed {
    bool has_value;
    struct slice value;
    struct slice lease; /* empty: none */
    struct slice meta;
};

/* Of any bytes; false: they are no entry.  The parts point into them. */
bool packed_read(struct slice text, struct packed *packed);

#endif
