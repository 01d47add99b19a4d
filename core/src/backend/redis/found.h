/* found: what a peek or a get brings, in either layout. */
#ifndef RESILICACHE_BACKEND_REDIS_FOUND_H
#define RESILICACHE_BACKEND_REDIS_FOUND_H

#include "backend/redis/meta.h"
#include "backend/redis/redis.h"

struct found {
    const struct resp *text; /* begins with the value; NULL: there is none */
    size_t value_size;
    struct slice lease;
    struct slice meta;
    bool leased;
    bool packed;
    bool foreign; /* a string that is no entry: all of it is value */
};

/* The fields of a hash: the value first, `lease` and `meta` as the next (lease 0: it was not asked for).  False: that
 * is no such reply. */
bool found_in_array(const struct resp *resp, size_t lease, size_t meta, struct found *found);
bool found_in_string(const struct resp *resp, struct found *found);

struct meta found_meta(const struct found *found);

/* The value as a blob of its own, *value (NULL: there is none).  Of a large one it takes the reply's, and cuts off what
 * is behind the value: after this `found` has no lease and no meta.  False for want of memory. */
bool found_take(const struct found *found, struct blob **value);

#endif
