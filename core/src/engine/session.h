/* session: the keys that this handle has written lately, or was told of by a token: until a stale value of theirs can't
 * be served any more, they are read as strongly as a reader of his own writes expects.
 *
 * Bounded: a key is known by a hash of itself, and where there is no more room, all keys count as written.  So what is
 * forgotten costs a load, and never an old value. */
#ifndef RESILICACHE_ENGINE_SESSION_H
#define RESILICACHE_ENGINE_SESSION_H

#include "base/slice.h"
#include "engine/policy.h"

enum { SESSION_SETS = 512, SESSION_WAYS = 8, SESSION_TOKEN_KEYS = 32 };
enum { SESSION_TOKEN_SIZE = 3 + 16 + 32 * SESSION_TOKEN_KEYS };

struct session {
    int64_t all_until_ms; /* all keys; 0: none */
    struct session_key {
        uint64_t hash;
        int64_t until_ms; /* 0: free */
    } keys[SESSION_SETS][SESSION_WAYS];
};

/* A write of the key was acknowledged. */
void session_note(struct session *session, struct slice key, const struct policy *policy, int64_t now_ms);
/* Whether a fetch that begins now has to be a strong one. */
bool session_holds(const struct session *session, struct slice key, int64_t now_ms);

/* All that it holds, as a text of letters, digits and '-' without a NUL; returns its size.  day_ms: the clock of the
 * day, for whoever takes it up later. */
size_t session_write(const struct session *session, char text[SESSION_TOKEN_SIZE], int64_t now_ms, int64_t day_ms);
/* Adds what another holds.  False: it is no such text, and nothing was added. */
bool session_join(struct session *session, struct slice text, const struct policy *policy, int64_t now_ms,
                  int64_t day_ms);
/* For who doesn't keep what another holds: whether it is such a text, and one that tells of the key. */
bool session_is_text(struct slice text);
bool session_text_holds(struct slice text, struct slice key, int64_t day_ms);

#endif
