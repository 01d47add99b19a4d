#include "engine/session.h"

#include "base/hash.h"
#include "base/rule.h"
#include "base/text.h"

#include <string.h>

/* How far the clocks of two machines may be apart before a token ends too soon. */
enum { SKEW_MS = 60000, HEX_SIZE = 16 };

static const char SIGN[] = "s1-";
static const uint64_t ALL = 0; /* stands for the hash of every key */

static uint64_t hash_of(struct slice key) {
    uint64_t hash = hash64(key.data, key.size, 0);
    return hash != ALL ? hash : 1;
}

static int64_t later(int64_t a_ms, int64_t b_ms) {
    return a_ms > b_ms ? a_ms : b_ms;
}

static void add(struct session *session, uint64_t hash, int64_t until_ms, int64_t now_ms) {
    struct session_key *set = session->keys[hash % SESSION_SETS], *place = &set[0];
    if (hash == ALL) {
        session->all_until_ms = later(session->all_until_ms, until_ms);
        return;
    }
    for (size_t i = 0; i < SESSION_WAYS; i++) {
        if (set[i].hash == hash && set[i].until_ms > now_ms) {
            set[i].until_ms = later(set[i].until_ms, until_ms);
            return;
        }
        if (set[i].until_ms < place->until_ms)
            place = &set[i];
    }
    if (place->until_ms > now_ms)
        session->all_until_ms = later(session->all_until_ms, place->until_ms);
    *place = (struct session_key){ hash, until_ms };
}

/* A stale value may be served for `delay` by the server's clock, which needn't run as fast as ours. */
static int64_t longest_ms(const struct policy *policy) {
    return policy->delay_ms + policy->delay_ms / 16 + 100;
}

void session_note(struct session *session, struct slice key, const struct policy *policy, int64_t now_ms) {
    add(session, hash_of(key), now_ms + longest_ms(policy), now_ms);
}

bool session_holds(const struct session *session, struct slice key, int64_t now_ms) {
    uint64_t hash = hash_of(key);
    const struct session_key *set = session->keys[hash % SESSION_SETS];
    bool holds = session->all_until_ms > now_ms;
    for (size_t i = 0; i < SESSION_WAYS; i++)
        holds = holds || (set[i].hash == hash && set[i].until_ms > now_ms);
    return RULE(own_writes_are_seen, holds);
}

static char *put_key(char *at, uint64_t hash, int64_t left_ms) {
    return text_put_hex(text_put_hex(at, hash), (uint64_t)left_ms);
}

size_t session_write(const struct session *session, char text[SESSION_TOKEN_SIZE], int64_t now_ms, int64_t day_ms) {
    memcpy(text, SIGN, sizeof SIGN - 1);
    char *begin = text_put_hex(text + sizeof SIGN - 1, (uint64_t)day_ms), *at = begin;
    int64_t all_until_ms = session->all_until_ms, last_ms = all_until_ms;
    size_t count = all_until_ms > now_ms;
    for (size_t i = 0; i < SESSION_SETS; i++)
        for (size_t j = 0; j < SESSION_WAYS; j++) {
            const struct session_key *key = &session->keys[i][j];
            if (key->until_ms <= now_ms)
                continue;
            last_ms = later(last_ms, key->until_ms);
            if (count++ < SESSION_TOKEN_KEYS)
                at = put_key(at, key->hash, key->until_ms - now_ms);
        }
    if (count > SESSION_TOKEN_KEYS)
        at = put_key(begin, ALL, last_ms - now_ms);
    else if (all_until_ms > now_ms)
        at = put_key(at, ALL, all_until_ms - now_ms);
    return (size_t)(at - text);
}

static bool take_hex(struct slice *rest, uint64_t *number) {
    if (rest->size < HEX_SIZE || !text_read_number(slice_of(rest->data, HEX_SIZE), 16, number))
        return false;
    *rest = slice_of(rest->data + HEX_SIZE, rest->size - HEX_SIZE);
    return true;
}

static bool take_ms(struct slice *rest, uint64_t *ms) {
    return take_hex(rest, ms) && *ms <= INT64_MAX;
}

static bool take_key(struct slice *rest, uint64_t *hash, uint64_t *left_ms) {
    return take_hex(rest, hash) && take_ms(rest, left_ms);
}

/* Leaves its keys, and how long ago it was written; false: it is no token. */
static bool open_text(struct slice text, int64_t day_ms, struct slice *keys, int64_t *age_ms) {
    uint64_t written_ms, hash, left_ms;
    if (text.size < sizeof SIGN - 1 || text.size > SESSION_TOKEN_SIZE || memcmp(text.data, SIGN, sizeof SIGN - 1) != 0)
        return false;
    *keys = slice_of(text.data + sizeof SIGN - 1, text.size - (sizeof SIGN - 1));
    if (!take_ms(keys, &written_ms))
        return false;
    *age_ms = day_ms - (int64_t)written_ms;
    for (struct slice rest = *keys; rest.size > 0;)
        if (!take_key(&rest, &hash, &left_ms))
            return false;
    return true;
}

/* The next one that isn't over. */
static bool next_key(struct slice *keys, int64_t age_ms, uint64_t *hash, uint64_t *left_ms) {
    while (keys->size > 0 && take_key(keys, hash, left_ms))
        if (age_ms <= SKEW_MS || (uint64_t)(age_ms - SKEW_MS) <= *left_ms)
            return true;
    return false;
}

/* Whoever has written it: no write of this cache's fleet counts for longer. */
bool session_join(struct session *session, struct slice text, const struct policy *policy, int64_t now_ms,
                  int64_t day_ms) {
    uint64_t hash, left_ms, most_ms = (uint64_t)longest_ms(policy) + SKEW_MS;
    struct slice keys;
    int64_t age_ms;
    if (!open_text(text, day_ms, &keys, &age_ms))
        return false;
    while (next_key(&keys, age_ms, &hash, &left_ms))
        add(session, hash, now_ms + (int64_t)(left_ms < most_ms ? left_ms : most_ms), now_ms);
    return true;
}

bool session_is_text(struct slice text) {
    struct slice keys;
    int64_t age_ms;
    return open_text(text, 0, &keys, &age_ms);
}

bool session_text_holds(struct slice text, struct slice key, int64_t day_ms) {
    uint64_t hash, left_ms, wanted = hash_of(key);
    struct slice keys;
    int64_t age_ms;
    bool holds = false;
    if (open_text(text, day_ms, &keys, &age_ms))
        while (!holds && next_key(&keys, age_ms, &hash, &left_ms))
            holds = hash == wanted || hash == ALL;
    return holds;
}
