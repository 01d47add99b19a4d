/* scripts: the verbs that run inside the server.  Embedded at build time from scripts/, once for each layout
 * of the entry: behind hash.lua or packed.lua. */
#ifndef RESILICACHE_BACKEND_REDIS_SCRIPTS_H
#define RESILICACHE_BACKEND_REDIS_SCRIPTS_H

#include "base/slice.h"
#include "engine/verbs.h"

struct script {
    const char *name;
    struct slice text;
    const char *sha1; /* 40 hexadecimal digits */
};

/* The verb's script; NULL for a verb that is a plain command. */
const struct script *script_of(enum verb verb, bool packed);
const struct script *script_at(size_t index, bool packed); /* NULL past the last */

#endif
