#include "backend/redis/scripts.h"

/* Each layout has the same, in the same order. */
enum {
#define SCRIPT(layout, name, text, sha1) SCRIPT_##layout##_##name,
#include "scripts.inc"
#undef SCRIPT
    SCRIPT_BOTH
};

enum { SCRIPT_COUNT = SCRIPT_BOTH / 2 };

static const struct script SCRIPTS[] = {
#define SCRIPT(layout, name, text, sha1) { #name, { text, sizeof(text) - 1 }, sha1 },
#include "scripts.inc"
#undef SCRIPT
};

const struct script *script_of(enum verb verb, bool packed) {
    const struct script *scripts = &SCRIPTS[packed ? SCRIPT_COUNT : 0];
    switch (verb) {
    case VERB_ACQUIRE: return &scripts[SCRIPT_hash_acquire];
    case VERB_REFRESH: return &scripts[SCRIPT_hash_refresh];
    case VERB_PUT: return &scripts[SCRIPT_hash_put];
    case VERB_RENEW: return &scripts[SCRIPT_hash_renew];
    case VERB_RELEASE: return &scripts[SCRIPT_hash_release];
    case VERB_INVALIDATE: return &scripts[SCRIPT_hash_invalidate];
    case VERB_LOCK: return &scripts[SCRIPT_hash_lock];
    case VERB_UNLOCK: return &scripts[SCRIPT_hash_unlock];
    case VERB_SET: return &scripts[SCRIPT_hash_set];
    case VERB_RAW_SET: return &scripts[SCRIPT_hash_raw_set];
    case VERB_INSPECT: return &scripts[SCRIPT_hash_inspect];
    case VERB_WHERE:
    case VERB_PING:
    case VERB_PEEK:
    case VERB_WATCH:
    case VERB_GET:
    case VERB_DELETE: return NULL;
    }
    return NULL;
}

const struct script *script_at(size_t index, bool packed) {
    return index < SCRIPT_COUNT ? &SCRIPTS[packed ? SCRIPT_COUNT + index : index] : NULL;
}
