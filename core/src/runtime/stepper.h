/* stepper: the driver for callers with sockets of their own: the cache's requests go over lanes, its ops through a
 * queue without a descriptor, and time passes when the caller comes by.  Its memory is the cache's: an op that was
 * given up may still tell of a late reply.  Used by one thread at a time. */
#ifndef RESILICACHE_RUNTIME_STEPPER_H
#define RESILICACHE_RUNTIME_STEPPER_H

#include "runtime/lane.h"
#include "runtime/queue.h"

struct stepper {
    struct rcache *cache;
    struct queue *queue;
    struct lane **lanes; /* node by node, each with its exchange_places; none where there is no server */
    size_t count;
    uint32_t nodes; /* connections that were asked for, so far */
};

/* RCACHE_E_MISUSE where the cache has one, or has begun something. */
int32_t stepper_new(struct rcache *cache, struct stepper **stepper, rcache_error *err);
/* The connections to one more node; false for want of memory. */
bool stepper_grow(struct stepper *stepper, struct node *node);
/* Ends the ops that are live, and lets go of them. */
void stepper_end(struct stepper *stepper);
/* When the cache is freed: what is under way comes back in *done. */
void stepper_clear(struct stepper *stepper, struct link_node *done);
void stepper_free(struct stepper *stepper);

/* Takes all requests from the list; those that can't be sent are in *done. */
void stepper_send(struct stepper *stepper, struct link_node *requests, struct link_node *done);

/* Runs what is due by now.  Then there may be events of the queue, and after these the next of the lanes'. */
void stepper_turn(struct stepper *stepper);
bool stepper_event(struct stepper *stepper, rcache_event *event);
/* Until it is to be turned next; INT64_MAX: no time is set. */
int64_t stepper_due_ms(const struct stepper *stepper);

/* NULL: no connection of that name, or no longer. */
struct lane *stepper_lane(const struct stepper *stepper, uint32_t node);
void stepper_connected(struct stepper *stepper, uint32_t node, const char *facts);
size_t stepper_receive(struct stepper *stepper, uint32_t node, const void *data, size_t size);
void stepper_lost(struct stepper *stepper, uint32_t node, const char *why);

#endif
