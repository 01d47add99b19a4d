/* network: what lies between the links of the processes and the server.
 *
 * What goes each way on a connection arrives in order, late or never.  A connection is cut in the middle of both, and
 * what was sent may be carried out although nobody reads the answer. */
#ifndef RESILICACHE_TESTS_NETWORK_H
#define RESILICACHE_TESTS_NETWORK_H

#include "engine/verbs.h"
#include "event.h"
#include "server.h"

enum { MESSAGES_MAX = 1024, CONNECTIONS_MAX = 256 };

struct link;

/* A command on its way, then its reply; or a push: the server tells of a changed key. */
struct message {
    struct link_node node;
    struct request request; /* points to nothing of the sender's */
    uint32_t key;
    uint32_t write;         /* check's number of the write; 0: it is none */
    struct request *origin; /* NULL: nobody waits for the answer */
    int64_t due_us;
    uint64_t epoch;         /* what the sender knows of the server */
    int64_t sender_ms;      /* the sender's own clock of the day, which has no part in anything */
    bool foreign;           /* the sender tells no epoch */
    bool replica;           /* it goes to the replica */
    bool executed;          /* and waits for replicas: */
    uint32_t changed;       /* until these have so many changes, */
    int64_t until_us;       /* or until then */
    bool push;
    bool refused;
    char refusal[REFUSAL_MAX]; /* what is said instead of carrying it out */
    char owner[OWNER_SIZE_MAX];
    char seen[LEASE_TEXT_MAX];
};

struct connection {
    struct event arrival;      /* the next command reaches the server */
    struct event delivery;     /* the next reply reaches the client */
    struct link *link;         /* NULL: the client has hung up */
    struct link_node commands; /* not carried out yet */
    struct link_node replies;
    struct link_node node;     /* in network->open */
    uint32_t member;           /* the server at the other end */
    uint64_t epoch;
    uint32_t life;             /* of it */
    uint32_t watched;          /* keys, as bits */
    bool cut;                  /* the other end is gone; the client doesn't know yet */
    int64_t commands_us;       /* when the last of each arrives */
    int64_t replies_us;
    int64_t progress_us;       /* when a reply last came */
};

struct network {
    struct link_node open;
    struct link_node unused_messages, unused_connections;
    struct message messages[MESSAGES_MAX];
    struct connection connections[CONNECTIONS_MAX];
};

/* As redis/command.c writes it: from the second attempt on it says which one it is.  Returns its size. */
size_t token_write(char token[OWNER_SIZE_MAX], struct slice owner, uint32_t attempt);

void network_init(struct network *network);
/* Drops what is still on its way. */
void network_clear(struct world *world);
/* A time that a message takes. */
int64_t network_latency_us(struct world *world);

/* To the link's server as it is now.  NULL: there are too many, which is a violation. */
struct connection *connection_open(struct world *world, struct link *link);
/* False: there are too many messages, a violation. */
bool connection_send(struct world *world, struct connection *connection, struct request *request);
/* The client hangs up.  Requests without an answer come back, oldest first; `drops`: they are on no way any more, else
 * they may still be carried out. */
void connection_close(struct world *world, struct connection *connection, bool drops, struct link_node *requests);
/* Some have come that were not read yet. */
bool connection_has_replies(const struct world *world, const struct connection *connection);
/* The oldest request without an answer; NULL: none. */
const struct request *connection_oldest(const struct connection *connection);

/* The connection breaks (the client is told, sooner or later) or falls silent. */
void connection_cut(struct world *world, struct connection *connection, bool silent);
/* The member's process is gone, and with it the other ends. */
void network_cut_all(struct world *world, uint32_t member);
/* Clients of connections that have fallen silent find out. */
void network_tell_broken(struct world *world);
/* The replica has more of the changes. */
void network_replicated(struct world *world);
/* Tells who watches the key that it has changed. */
void network_changed(struct world *world, uint32_t key);

#endif
