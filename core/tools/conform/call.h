/* call: a call as a case writes it, the op that it makes, and what came of that. */
#ifndef RESILICACHE_TOOLS_CONFORM_CALL_H
#define RESILICACHE_TOOLS_CONFORM_CALL_H

#include "conform/words.h"

#include "resilicache.h"

enum verb {
    VERB_FETCH,
    VERB_BATCH,
    VERB_GET,
    VERB_SET,
    VERB_RAW_GET,
    VERB_RAW_SET,
    VERB_INVALIDATE,
    VERB_DELETE,
    VERB_INSPECT,
    VERB_LOCK,
    VERB_RENEW,
    VERB_UNLOCK,
    VERB_UPDATE
};

struct call {
    enum verb verb;
    struct words names;     /* its keys */
    struct words forgotten; /* of these: keys that the loader doesn't answer */
    const struct word *value, *owner, *after, *failure;
    const struct word *seeing; /* the cache whose token a fetch is given, or the token between quotes */
    const char *at; /* the name of its cache */
    int64_t ttl_ms, lease_ms, deadline_ms;
    int64_t version; /* of what is set or invalidated, or of what its loader brings; 0: none */
    int64_t primary; /* of what its loader brings when it is to read the primary; 0: the same */
    uint32_t flags; /* of rcache_call */
    bool permanently; /* its loader fails for good */
};

/* What is wrong with the words, or NULL. */
const char *call_read(struct words words, struct call *call);
/* -1: it is none. */
int64_t milliseconds_of(const struct word *word);
rcache_op *call_op(const struct call *call, rcache *cache, const char *session);

/* What came: the result of an op, or a failure without one. */
struct found {
    rcache_result *result;
    int32_t status; /* where there is no result */
    char message[256];
};

bool found_succeeded(const struct found *found);
bool found_meets(const struct found *found, struct words expected, const struct call *call);
/* In words, at most `capacity` bytes of them. */
void found_show(const struct found *found, const struct call *call, char *text, size_t capacity);
/* The number in the line of an inspected entry; -1: there is none. */
int64_t found_number(const struct found *found, const char *name);

#endif
