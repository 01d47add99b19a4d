/* peeks: looks at keys over a connection, of which some need no command of their own.
 *
 * Who wants to look at a key at which another look has gathered, and isn't sent, follows that one: its answer will be
 * no older than one of its own.  Who comes later may not take what that one brings.  But if it finds nothing, there is
 * nothing to be taken: who waited for it, and who comes soon after, goes on as if it had looked and found nothing, to
 * the flight or to the lease, which tell what became of the key meanwhile.  Nobody waits at a key that had something in
 * it of late: he would only lose time.
 *
 * Likewise, who asks for a strong value soon after this process has invalidated it has no use for a look: the lease is
 * what he needs, and whoever asks for that is told of a fresh value, too. */
#ifndef RESILICACHE_RUNTIME_PEEKS_H
#define RESILICACHE_RUNTIME_PEEKS_H

#include "engine/verbs.h"

enum { PEEKS_MAX = 64, PEEKS_KNOWN_MAX = 256, PEEKS_SEEN_MAX = 4096, PEEKS_KNOWN_MS = 10 };

struct peek_place {
    struct request *first; /* gathered or under way; NULL: none */
    uint64_t batch;        /* that it gathered in */
    struct link_node late; /* who waits for what it finds */
};

/* A key at which a look is of no use. */
struct peek_known {
    int64_t since_ms; /* 0: none */
    uint64_t hash;
    uint32_t route;
    bool strong; /* to strong fetches: what is there was invalidated; else there is nothing */
};

struct peeks {
    uint64_t batch; /* of what gathers now */
    struct peek_place places[PEEKS_MAX]; /* by a hash of the key; */
    struct peek_known known[PEEKS_KNOWN_MAX]; /* likewise; */
    uint8_t seen[PEEKS_SEEN_MAX]; /* likewise: in which second something was found there, of 256 */
};

enum peek_way {
    PEEK_ASKS,    /* it is to be encoded */
    PEEK_FOLLOWS, /* it is in the list of another, or waits for one */
    PEEK_TOLD     /* it has its reply */
};

void peeks_init(struct peeks *peeks);
/* Of a request, any, that is about to be encoded. */
enum peek_way peeks_join(struct peeks *peeks, struct request *request);
/* It could not be: who waited for it is in *late. */
void peeks_forget(struct peeks *peeks, const struct request *request, struct link_node *late);
/* What has gathered is on its way. */
void peeks_part(struct peeks *peeks);
/* These have come back.  Who waited for one of them is behind them, or in *again, to be encoded now. */
void peeks_take(struct peeks *peeks, struct link_node *done, struct link_node *again, int64_t now_ms);
/* The connection is lost: who waited is in *requests. */
void peeks_drop(struct peeks *peeks, struct link_node *requests);
/* Of what has come back, out of the connection's reach: behind each in *done is now who has followed it, with the same
 * answer. */
void peeks_answer(struct link_node *done);

#endif
