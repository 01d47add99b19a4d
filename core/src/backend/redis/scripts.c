#include "backend/redis/scripts.h"

enum {
#define SCRIPT(name, text, sha1) SCRIPT_##name,
#include "scripts.inc"
#undef SCRIPT
    SCRIPT_COUNT
};

static const struct script SCRIPTS[] = {
#define SCRIPT(name, text, sha1) { #name, { text, sizeof(text) - 1 }, sha1 },
#include "scripts.inc"
#undef SCRIPT
};

const struct script *script_of(enum verb verb) {
    switch (verb) {
    case VERB_ACQUIRE: return &SCRIPTS[SCRIPT_acquire];
    case VERB_PUT: return &SCRIPTS[SCRIPT_put];
    case VERB_RENEW: return &SCRIPTS[SCRIPT_renew];
    case VERB_RELEASE: return &SCRIPTS[SCRIPT_release];
    case VERB_INVALIDATE: return &SCRIPTS[SCRIPT_invalidate];
    case VERB_LOCK: return &SCRIPTS[SCRIPT_lock];
    case VERB_UNLOCK: return &SCRIPTS[SCRIPT_unlock];
    case VERB_SET: return &SCRIPTS[SCRIPT_set];
    case VERB_RAW_SET: return &SCRIPTS[SCRIPT_raw_set];
    case VERB_INSPECT: return &SCRIPTS[SCRIPT_inspect];
    case VERB_WHERE:
    case VERB_PEEK:
    case VERB_WATCH:
    case VERB_GET:
    case VERB_DELETE: return NULL;
    }
    return NULL;
}

const struct script *script_at(size_t index) {
    return index < SCRIPT_COUNT ? &SCRIPTS[index] : NULL;
}
