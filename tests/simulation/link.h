/* link: how a process reaches the server, in the manner of runtime/link.c: it dials when there is something to send,
 * hangs up on a connection that is broken or gives no answer, and sends once more what had no answer. */
#ifndef RESILICACHE_TESTS_LINK_H
#define RESILICACHE_TESTS_LINK_H

#include "engine/verbs.h"
#include "event.h"

#include <stdint.h>

struct process;
struct connection;

enum purpose { PURPOSE_SHARED, PURPOSE_WATCH, PURPOSE_CONFIRM, PURPOSE_REPLICA };

struct link {
    struct process *process;
    enum purpose purpose;
    uint32_t member;               /* the server it leads to */
    uint32_t reign;                /* of the node, when it was dialled */
    struct connection *connection; /* NULL: down */
    struct link_node unsent;       /* requests for when it is up */
    struct event dial;
    struct event hang_up;          /* it finds out that its connection is gone */
    struct event patience;         /* when the oldest request has waited too long */
    bool dialing;
    int64_t retry_us;              /* no dialling before */
    int64_t pause_ms;
};

void link_init(struct link *link, struct process *process, uint32_t member, enum purpose purpose);
/* Takes the request; in *done if it can't be sent. */
void link_append(struct world *world, struct link *link, struct request *request, struct link_node *done);
/* The connection has brought replies; what is in *again goes out once more by it. */
void link_receive(struct world *world, struct link *link, struct link_node *again, struct link_node *done);
/* True: it knows nothing of the history that the server is in by now, and has been given up. */
bool link_leaves_history(struct world *world, struct link *link);
/* The connection is broken, which it will find out. */
void link_broken(struct world *world, struct link *link);
/* The process is gone: everything that is under way comes back in *done. */
void link_close(struct world *world, struct link *link, struct link_node *done);

#endif
