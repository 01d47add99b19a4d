/* call: an op on its way through the runtime, and the blocking driver. */
#ifndef RESILICACHE_RUNTIME_CALL_H
#define RESILICACHE_RUNTIME_CALL_H

#include "engine/op.h"
#include "runtime/wake.h"

struct rcache;
struct link;
struct queue;
struct stripe;

struct call {
    struct rcache *cache;
    struct stripe *stripe;   /* that it has its share of the cache from */
    struct link *link;       /* where it waits; NULL: in memory there is none */
    struct wake_group *group;
    uint32_t bit;            /* of the group */
    bool begun;
    _Atomic bool inside;     /* its thread is within call_wait */
    _Atomic bool waiting;    /* its thread sleeps, or leads the link, until there is news */
    _Atomic bool asleep;     /* it sleeps */
    _Atomic bool coming;     /* counted in link->coming, under its lock */
    _Atomic bool news;       /* something for the owner to look at */
    _Atomic bool canceled;
    _Atomic bool over;       /* DONE was told: nobody waits for the op any more */
    _Atomic bool lead;       /* parked, and asked to lead */
    bool beginning;          /* under the queue's lock: no events before the op has begun */
    struct link_node parked; /* in link->parked, under its lock */
    struct queue *queue;     /* NULL: a thread waits for it */
    int64_t made_ms;         /* when the op was, if it begins at once; 0: that may be any time later */
    uint64_t tag;            /* the rest is the queue's */
    struct op *op;
    struct link_node live;
    struct link_node ready;
};

static inline struct call *call_of(struct op *op) {
    return op->driver;
}

enum call_event { CALL_NOTHING, CALL_LOAD, CALL_LOST, CALL_DONE };

/* Runs the op on the calling thread until there is something for the caller, timeout_ms (negative: none) has passed, or
 * a signal came.  LOAD: *load is to be finished.  LOST: the lock of the
 * update is lost under its load.  DONE: the op's slots are settled, the runtime is through with it. */
enum call_event call_wait(struct op *op, int64_t timeout_ms, struct load **load);
/* The two halves of it, for ops that are submitted to a queue: begin, whose requests are then to be sent, and look when
 * there is news. */
void call_begin(struct op *op, struct link_node *requests);
/* Instead of beginning. */
void call_refuse(struct op *op, int32_t status, const char *what);
enum call_event call_look(struct op *op, struct load **load);
void call_cancel(struct op *op);
/* For an op that is not waited for any more, and not DONE. */
void call_abandon(struct op *op);

/* Marks that there is news; returns the bit by which the call's group is to be woken: 0 where nobody sleeps for it. */
uint32_t call_news(struct call *call);
/* The call itself if its own thread will wait on its link next; else NULL. */
struct call *call_attends(struct call *call);

#endif
