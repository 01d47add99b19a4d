/* queue: the completion queue, for event loops.  Ops that are submitted to it are run by the service thread; what they
 * bring is drained by the caller, when a descriptor is readable.  No thread waits for a call in flight.
 *
 * A queue's memory is the cache's: an op that was given up may still tell of a late reply. */
#ifndef RESILICACHE_RUNTIME_QUEUE_H
#define RESILICACHE_RUNTIME_QUEUE_H

#include "runtime/call.h"
#include "runtime/notice.h"

#include <pthread.h>

/* Tags of ops that could not even be made for want of memory, so many at once. */
enum { STARVED_MAX = 64 };

struct queue {
    struct queue *next; /* in cache->queues */
    struct rcache *cache;
    bool in_use;
    pthread_mutex_t lock;
    struct link_node live;  /* calls submitted and not DONE */
    struct link_node ready; /* of these, the ones to be looked at */
    struct notice notice;   /* posted while some are ready */
    uint64_t starved[STARVED_MAX];
    size_t starved_count;
};

struct queued_event {
    enum call_event event;
    struct op *op;
    struct load *load;
};

enum queue_kind { QUEUE_WITH_DESCRIPTOR, QUEUE_WITHOUT_DESCRIPTOR };

/* NULL: no memory or no descriptors. */
struct queue *queue_new(struct rcache *cache, enum queue_kind kind);
/* Ends the ops that are live, and lets go of them. */
void queue_end(struct queue *queue);
/* When the cache is freed. */
void queues_free(struct queue *queues);

/* The op is the queue's until DONE is drained, and begins; then its requests are to be sent, and queue_begun told. */
void queue_begin(struct queue *queue, struct op *op, uint64_t tag, struct link_node *requests);
/* From here on its events may be drained. */
void queue_begun(struct queue *queue, struct op *op);
/* There was no memory for the op: its tag is told all the same. */
void queue_starve(struct queue *queue, uint64_t tag);
bool queue_take_starved(struct queue *queue, uint64_t *tag);
/* The call is to be looked at.  Threads: any. */
void queue_push(struct queue *queue, struct call *call);
/* The next events, at least one where there is any, and at most QUEUE_EVENTS_MAX or `room`; their count. */
enum { QUEUE_EVENTS_MAX = 64 };
size_t queue_take(struct queue *queue, struct queued_event *events, size_t room);
/* Whether queue_take would find something to look at. */
bool queue_has_ready(struct queue *queue);
/* All live calls are to be looked at: the cache was closed. */
void queue_push_all(struct queue *queue);

#endif
