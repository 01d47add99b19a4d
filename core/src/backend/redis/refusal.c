#include "backend/redis/refusal.h"

#include "backend/redis/redis.h"
#include "base/rule.h"
#include "resilicache.h"

static bool contains(struct slice text, const char *word) {
    return slice_contains(text, slice_of_text(word));
}

int32_t refusal_status(struct slice error) {
    static const struct {
        const char *word;
        int32_t status;
    } known[] = {
        { "WRONGTYPE", RCACHE_E_TYPE },       { "NOAUTH", RCACHE_E_AUTH },
        { "WRONGPASS", RCACHE_E_AUTH },       { "NOPERM", RCACHE_E_AUTH },
        { "LOADING", RCACHE_E_UNAVAILABLE },  { "MASTERDOWN", RCACHE_E_UNAVAILABLE },
        { "READONLY", RCACHE_E_UNAVAILABLE }, { "CLUSTERDOWN", RCACHE_E_UNAVAILABLE },
        { "TRYAGAIN", RCACHE_E_UNAVAILABLE }, { "BUSY ", RCACHE_E_UNAVAILABLE },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (contains(error, known[i].word))
            return known[i].status;
    return RCACHE_E_SERVER;
}

static bool is_without_memory(struct slice error) {
    return contains(error, "OOM ") || contains(error, "Out of memory"); /* of Dragonfly */
}

bool refusal_of_writes(struct slice error) {
    static const char *const words[] = { "MISCONF", "NOREPLICAS", "Space limit reached" /* of Kvrocks */ };
    bool refused = is_without_memory(error);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        refused = refused || contains(error, words[i]);
    return refused;
}

uint32_t refusal_form(enum verb verb, struct slice error) {
    bool invalidates = verb == VERB_INVALIDATE || verb == VERB_UNLOCK;
    if (RULE(unknown_scripts_are_sent, slice_starts(error, slice_of_text("NOSCRIPT"))))
        return FORM_WHOLE;
    if (verb == VERB_GET && contains(error, "WRONGTYPE"))
        return FORM_OTHER;
    if (invalidates && is_without_memory(error))
        return FORM_DELETE;
    return verb == VERB_DELETE && contains(error, "unknown command") ? FORM_DELETE : 0;
}
