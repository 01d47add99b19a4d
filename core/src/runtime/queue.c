#include "runtime/queue.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "resilicache.h"
#include "runtime/cache.h"

/* One that is not in use is taken again, so that queues that come and go leave no more memory than those at once. */
static struct queue *unused_queue(struct rcache *cache) {
    for (struct queue *queue = cache->queues; queue != NULL; queue = queue->next)
        if (!queue->in_use)
            return queue;
    struct queue *queue = mem_alloc_zeroed(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    queue->cache = cache;
    queue->notice = (struct notice)NOTICE_INIT;
    pthread_mutex_init(&queue->lock, NULL);
    list_init(&queue->live);
    list_init(&queue->ready);
    queue->next = cache->queues;
    cache->queues = queue;
    return queue;
}

struct queue *queue_new(struct rcache *cache, enum queue_kind kind) {
    cache_lock_engine(cache);
    struct queue *queue = unused_queue(cache);
    if (queue != NULL && kind == QUEUE_WITH_DESCRIPTOR && !notice_open(&queue->notice))
        queue = NULL;
    if (queue != NULL)
        queue->in_use = true;
    cache_unlock_engine(cache, NULL);
    return queue;
}

void queues_free(struct queue *queues) {
    for (struct queue *queue = queues, *next; queue != NULL; queue = next) {
        next = queue->next;
        notice_close(&queue->notice);
        pthread_mutex_destroy(&queue->lock);
        mem_free(queue);
    }
}

/* With the lock. */
static void push(struct queue *queue, struct call *call) {
    if (call->over || !list_empty(&call->ready))
        return;
    if (call->beginning) { /* its thread is still at it, and passes the news on */
        call->news = true;
        return;
    }
    list_append(&queue->ready, &call->ready);
    notice_post(&queue->notice);
}

void queue_push(struct queue *queue, struct call *call) {
    pthread_mutex_lock(&queue->lock);
    push(queue, call);
    pthread_mutex_unlock(&queue->lock);
}

void queue_push_all(struct queue *queue) {
    pthread_mutex_lock(&queue->lock);
    for (struct link_node *node = queue->live.next; node != &queue->live; node = node->next)
        push(queue, list_entry(node, struct call, live));
    pthread_mutex_unlock(&queue->lock);
}

void queue_begin(struct queue *queue, struct op *op, uint64_t tag, struct link_node *requests) {
    struct call *call = call_of(op);
    call->tag = tag;
    call->op = op;
    call->queue = queue;
    call->beginning = true;
    call->news = call->cache == NULL || call->canceled; /* it failed, or was given up, before it began */
    pthread_mutex_lock(&queue->lock);
    list_append(&queue->live, &call->live);
    pthread_mutex_unlock(&queue->lock);
    if (call->cache == queue->cache)
        call_begin(op, requests);
    else if (call->cache != NULL)
        call_refuse(op, RCACHE_E_MISUSE, "the queue is another cache's: an op goes to one of its own");
}

void queue_begun(struct queue *queue, struct op *op) {
    struct call *call = call_of(op);
    pthread_mutex_lock(&queue->lock);
    call->beginning = false;
    if (call->news)
        push(queue, call);
    pthread_mutex_unlock(&queue->lock);
}

void queue_starve(struct queue *queue, uint64_t tag) {
    pthread_mutex_lock(&queue->lock);
    if (queue->starved_count < STARVED_MAX)
        queue->starved[queue->starved_count++] = tag;
    notice_post(&queue->notice);
    pthread_mutex_unlock(&queue->lock);
}

bool queue_take_starved(struct queue *queue, uint64_t *tag) {
    pthread_mutex_lock(&queue->lock);
    bool there = queue->starved_count > 0;
    if (there)
        *tag = queue->starved[--queue->starved_count];
    pthread_mutex_unlock(&queue->lock);
    return there;
}

/* Nobody is told of it any more.  With the lock. */
static void forget(struct call *call) {
    call->over = true;
    list_remove(&call->live);
    list_remove(&call->ready);
}

static size_t take_ready(struct queue *queue, struct call **calls, size_t room) {
    size_t count = 0;
    pthread_mutex_lock(&queue->lock);
    for (struct link_node *node; count < room && (node = list_take(&queue->ready)) != NULL;)
        calls[count++] = list_entry(node, struct call, ready);
    if (list_empty(&queue->ready) && queue->starved_count == 0)
        notice_clear(&queue->notice);
    pthread_mutex_unlock(&queue->lock);
    return count;
}

static void forget_done(struct queue *queue, const struct queued_event *events, size_t count) {
    pthread_mutex_lock(&queue->lock);
    for (size_t i = 0; i < count; i++)
        if (events[i].event == CALL_DONE)
            forget(call_of(events[i].op));
    pthread_mutex_unlock(&queue->lock);
}

size_t queue_take(struct queue *queue, struct queued_event *events, size_t room) {
    struct call *calls[QUEUE_EVENTS_MAX];
    size_t ready, count = 0;
    room = room < QUEUE_EVENTS_MAX ? room : QUEUE_EVENTS_MAX;
    while (count == 0 && (ready = take_ready(queue, calls, room)) > 0)
        for (size_t i = 0; i < ready; i++) {
            struct queued_event event = { .op = calls[i]->op };
            event.event = call_look(event.op, &event.load);
            if (event.event != CALL_NOTHING)
                events[count++] = event;
        }
    forget_done(queue, events, count);
    return count;
}

bool queue_has_ready(struct queue *queue) {
    pthread_mutex_lock(&queue->lock);
    bool ready = !list_empty(&queue->ready) || queue->starved_count > 0;
    pthread_mutex_unlock(&queue->lock);
    return ready;
}

void queue_end(struct queue *queue) {
    for (;;) {
        pthread_mutex_lock(&queue->lock);
        struct call *call = list_empty(&queue->live) ? NULL : list_entry(queue->live.next, struct call, live);
        pthread_mutex_unlock(&queue->lock);
        if (call == NULL)
            break;
        struct op *op = call->op;
        struct rcache *cache = call->cache;
        pthread_mutex_lock(&queue->lock);
        forget(call);
        pthread_mutex_unlock(&queue->lock);
        if (cache != NULL) {
            call_abandon(op);
            stripe_leave(cache, call->stripe); /* the queue has a share of its own */
        }
        op_drop(op);
    }
    cache_lock_engine(queue->cache);
    notice_close(&queue->notice);
    queue->in_use = false;
    cache_unlock_engine(queue->cache, NULL);
}
