/* handshake: what is said first on a new connection: protocol, password, database, what the server can do.  Bytes only,
 * as redis.h: whoever has the connection sends what is appended to `out`, and hands over the replies in order.
 *
 * HELLO, a password alone where that was refused, then one pipeline for the rest, in which a refusal is a missing
 * capability.  Nothing is required but a right password and the database. */
#ifndef RESILICACHE_BACKEND_REDIS_HANDSHAKE_H
#define RESILICACHE_BACKEND_REDIS_HANDSHAKE_H

#include "backend/redis/redis.h"
#include "resilicache.h"

struct handshake_target {
    const char *username;
    const char *password;
    int32_t database;
    uint32_t resp; /* 3: with fall-back to 2 */
    bool track;    /* ask for CLIENT TRACKING */
    bool follow;   /* of a Sentinel: ask to be told of new masters */
    bool primary;  /* refuse a replica */
    bool replica;  /* let it answer although it is one, for what its primary has */
    bool packed;   /* load the scripts of that layout */
    bool trust;    /* its history doesn't matter: the epoch stays unknown */
};

enum handshake_state { HANDSHAKE_GOES_ON, HANDSHAKE_READY, HANDSHAKE_REFUSED };

enum handshake_step { STEP_HELLO, STEP_USER_AND_PASSWORD, STEP_PASSWORD, STEP_REST };

struct handshake {
    const struct handshake_target *target; /* outlives it */
    enum handshake_step step;
    uint32_t replies;     /* to the step at hand */
    uint32_t replies_due;
    struct server_facts facts;
    rcache_error failure; /* REFUSED: why; else the last error that was answered, if any */
};

enum handshake_state handshake_begin(struct handshake *handshake, const struct handshake_target *target,
                                     struct buffer *out);
/* The next reply, in order.  Pushes are none. */
enum handshake_state handshake_take(struct handshake *handshake, const struct resp *resp, struct buffer *out);

/* Why a connection was lost meanwhile: `how`, with the error that was answered before, such as of too many clients. */
void handshake_lost(const struct handshake *handshake, const char *how, rcache_error *err);

/* What is behind `name`, as in "role:", on a line of its own of INFO's text; empty where there is none. */
struct slice info_line(struct slice text, const char *name);

/* What a handshake found out, as one word, for a connection that is used again. */
enum { FACTS_TEXT_MAX = 24 };
size_t facts_write(char text[FACTS_TEXT_MAX], const struct server_facts *facts); /* returns its length */
bool facts_read(const char *text, struct server_facts *facts);                   /* false: no such word */

#endif
