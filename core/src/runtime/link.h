/* link: one connection and the requests of many threads on it, one behind the other.
 *
 * No thread belongs to a link.  Who sends appends to its buffer and, if nobody else writes, writes what has gathered.
 * Who waits for a reply leads the link if nobody else does: polls, reads, and takes all replies that came to their
 * owners; the others sleep.  A leader whose own reply has come passes the lead on.  (Leader/follower with batched
 * wakes; docs/internals.md has the figures that chose it.) */
#ifndef RESILICACHE_RUNTIME_LINK_H
#define RESILICACHE_RUNTIME_LINK_H

#include "backend/redis/net/connection.h"
#include "base/list.h"
#include "runtime/exchange.h"
#include "runtime/gathering.h"
#include "runtime/wake.h"

#include <pthread.h>

struct call;
struct rcache;

struct link {
    struct rcache *cache;
    struct node *node;
    enum link_purpose purpose;
    pthread_mutex_t lock;
    struct connection *connection; /* NULL: down */
    uint32_t reign;            /* the node's when it was dialled */
    bool led;
    bool writing;              /* someone writes `wire`, without the lock */
    bool reading;              /* the leader reads and dispatches: it will write what gathers meanwhile */
    _Atomic bool ended;        /* the cache is closed */
    struct gathering gathering;
    struct buffer wire;        /* is being written */
    struct link_node unsent;   /* requests for when it is up */
    struct link_node sent;     /* replies due, not yet seen by the leader */
    struct link_node in_flight; /* the leader's: replies due, oldest first */
    struct link_node confirming; /* the leader's: only the reply to WAIT is due */
    struct link_node parked;   /* calls that wait for another to lead */
    uint32_t coming;           /* calls whose threads have sent something, and are about to wait or lead */
    int64_t progress_ms;       /* bytes last went or came */
    struct backoff backoff;    /* between diallings */
    struct wake_group group;
};

struct link *link_new(struct rcache *cache, struct node *node, enum link_purpose purpose);
/* `done` NULL: it was never used. */
void link_free(struct link *link, struct link_node *done);

/* Takes the requests, and writes what has gathered, unless someone does already; *done has what can't be sent.  The
 * thread of `attended` will wait for the replies; NULL: nobody will, so that somebody else must be made to lead. */
void link_send(struct link *link, struct link_node *requests, struct call *attended, int64_t now_ms,
               struct link_node *done);
/* The same without requests. */
void link_flush(struct link *link, struct call *attended);
/* The call's thread doesn't come to wait, after all. */
void link_forget(struct link *link, struct call *call);
/* Wakes all that wait on it; nothing is sent any more. */
void link_end(struct link *link);

/* Waits on the calling thread, leading if nobody does, until the call has news, until_ms, or a signal. */
enum wake_reason link_wait(struct link *link, struct call *call, int64_t until_ms);

/* For the service thread: leads where nobody does.  True: it leads now and must end by link_resign. */
bool link_try_lead(struct link *link);
/* For who leads: if a connection is to be made first, a thread of its own makes it and leads meanwhile.  False: there
 * is none to be made, or no thread to be had. */
bool link_dial_apart(struct link *link);
/* Before polling: dials if need be and writes.  The descriptor, or -1; what to poll for; when at the latest.
 * Requests that can't be sent are in *done. */
int link_prepare(struct link *link, short *events, int64_t *until_ms, struct link_node *done);
/* After polling: reads and takes replies to *done; finds out whether the link is dead. */
void link_receive(struct link *link, bool readable, struct link_node *done);
/* The descriptor, if bytes wait until it takes more and nobody is at it; else -1. */
int link_stuck(struct link *link);
/* Somebody else leads from here on, if there is anything to lead for; `comes_back`: where nobody else waits, this is
 * the service thread, which need not be woken. */
void link_resign(struct link *link, bool comes_back);

/* Between link.c and lead.c; with the lock, which link_write, link_dial and link_hang_up give up for a while. */

bool link_has_work(const struct link *link);
/* There is something to write, and nobody is at it. */
bool link_has_unwritten(const struct link *link);
void link_encode(struct link *link, struct request *request, struct link_node *done);
/* Writes what has gathered; a lost connection is found by who reads. */
void link_write(struct link *link);
void link_dial(struct link *link, struct link_node *done);
/* `again`: what had no answer is sent once more over the next connection; not where the server took its time. */
void link_hang_up(struct link *link, int32_t status, const char *how, bool again, struct link_node *done);
/* A parked call leads on, or one that is about to come; where there is none, the service thread does. */
void link_pass_lead(struct link *link);
void link_arrive(struct link *link, struct call *call);

#endif
