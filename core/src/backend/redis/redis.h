/* redis: the verbs as commands and replies.  Bytes only: who sends and receives them is net/ and the runtime. */
#ifndef RESILICACHE_BACKEND_REDIS_H
#define RESILICACHE_BACKEND_REDIS_H

#include "base/buffer.h"
#include "engine/verbs.h"

/* What is known of the server process at the other end. */
struct server_facts {
    uint64_t epoch; /* hash of its run id and replication id; 0: it tells neither */
    bool resp3;
    bool can_track; /* CLIENT TRACKING, which needs RESP3; only where that was asked for */
    bool replica;   /* by its own account */
    bool packed;    /* not of the server: how entries are written there, scripts/packed.lua */
};

/* One RESP value, as the reader built it; everything lies in the reader's arena until its next reply. */
enum resp_type {
    RESP_NIL,
    RESP_TEXT,
    RESP_INTEGER,
    RESP_ARRAY,
    RESP_STATUS,
    RESP_ERROR,
    RESP_DOUBLE,
    RESP_BOOLEAN,
    RESP_PUSH
};

struct resp {
    enum resp_type type;
    int64_t integer;   /* INTEGER, BOOLEAN */
    struct slice text; /* TEXT, STATUS, ERROR, DOUBLE (as the server wrote it) */
    struct blob *blob; /* TEXT of some size lies here instead of the arena; the reader's owner.  text points into it */
    size_t count;      /* ARRAY, PUSH; also maps (two items a pair), and sets */
    struct resp *items;
};

/* request->form: how it is asked.  What a server refuses adds one, and none is ever taken back, so that asking again
 * comes to an end. */
enum redis_form {
    FORM_PLAIN = 0,  /* scripts by their hash */
    FORM_WHOLE = 1,  /* scripts by their text: the server had not seen it */
    FORM_OTHER = 2,  /* GET: the key holds what the other layout would have there */
    FORM_DELETE = 4, /* INVALIDATE, UNLOCK: the server has no memory for more than DEL; DELETE: it has no UNLINK */
    FORM_DOUBT = 8,  /* ACQUIRE: strong, and the epoch that the script reads belongs to another value */
    FORM_TIMED = 16  /* PEEK, WATCH: the entry tells when its time is over, by the server's clock */
};

/* Appends the command(s) for the request in its present form and says in *replies how many replies will come: with
 * replicas to wait for, one of them is to redis_encode_wait.  False for want of memory: the buffer is as it was. */
bool redis_encode(struct buffer *out, const struct request *request, const struct server_facts *facts,
                  uint32_t *replies);

/* Whether the entry is asked for as a string; else as a hash. */
static inline bool redis_reads_string(const struct request *request, const struct server_facts *facts) {
    bool other = request->verb == VERB_GET && (request->form & FORM_OTHER) != 0;
    return facts->packed != other;
}

/* Whether TIME goes before the rest, and its reply comes first. */
bool redis_asks_time(const struct request *request);

/* Appends the WAIT that answers for all requests since the last one, of which this is one. */
bool redis_encode_wait(struct buffer *out, const struct request *request);

enum redis_answer {
    REDIS_ANSWERED, /* request->reply is filled */
    REDIS_MORE,     /* a further reply belongs to it */
    REDIS_AGAIN     /* request->form was changed (NOSCRIPT, another type, no memory): encode and send it again */
};

/* Takes reply number `index` (from 0) of the request.  Blobs are shared, not taken. */
enum redis_answer redis_decode(struct request *request, uint32_t index, const struct resp *resp,
                               const struct server_facts *facts);

/* One command of these words.  False for want of memory: the buffer may have a part of it. */
bool redis_append_command(struct buffer *out, const struct slice *words, size_t count);

/* The commands that load every script, for a new connection; returns how many replies will come, 0 for want of
 * memory. */
uint32_t redis_encode_scripts(struct buffer *out, bool packed);

#endif
