#include "runtime/link.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "runtime/cache.h"
#include "runtime/call.h"
#include "runtime/dial.h"

#include <sched.h>
#include <sys/socket.h>

struct link *link_new(struct rcache *cache, struct node *node, enum link_purpose purpose) {
    struct link *link = mem_alloc_zeroed(1, sizeof *link);
    if (link == NULL)
        return NULL;
    link->cache = cache;
    link->node = node;
    link->purpose = purpose;
    pthread_mutex_init(&link->lock, NULL);
    list_init(&link->unsent);
    gathering_init(&link->gathering);
    list_init(&link->sent);
    list_init(&link->in_flight);
    list_init(&link->confirming);
    list_init(&link->parked);
    return link;
}

void link_free(struct link *link, struct link_node *done) {
    if (link == NULL)
        return;
    exchange_finish_all(&link->confirming, RCACHE_E_CLOSED, "the cache was closed", done);
    exchange_finish_all(&link->in_flight, RCACHE_E_CLOSED, "the cache was closed", done);
    gathering_drop(&link->gathering, &link->sent);
    exchange_finish_all(&link->sent, RCACHE_E_CLOSED, "the cache was closed", done);
    exchange_finish_all(&link->unsent, RCACHE_E_CLOSED, "the cache was closed", done);
    connection_close(link->connection);
    gathering_clear(&link->gathering);
    buffer_clear(&link->wire);
    pthread_mutex_destroy(&link->lock);
    mem_free(link);
}

/* ---- sending ---- */

/* With the lock, and the link up. */
void link_encode(struct link *link, struct request *request, struct link_node *done) {
    gathering_add(&link->gathering, request, connection_facts(link->connection), done);
}

/* With the lock, and the link up.  Whoever leads finds the connection lost, and all of it goes over the next one. */
static void leave_history(struct link *link) {
    if (node_has_risen(link->node, link->reign, connection_facts(link->connection)->replica))
        shutdown(connection_fd(link->connection), SHUT_RDWR);
}

/* With the lock. */
static void append(struct link *link, struct request *request, int64_t now_ms, struct link_node *done) {
    request->sent_ms = now_ms;
    request->attempts++;
    request->heard = HEARD_ANSWER;
    if (link->ended)
        exchange_finish(request, RCACHE_E_CLOSED, "the cache was closed", done);
    else if (link->connection != NULL)
        link_encode(link, request, done);
    else if (backoff_bars(&link->backoff, link->node, request, now_ms))
        exchange_refuse(request, link->backoff.failure.status, link->backoff.failure.message, done);
    else
        list_append(&link->unsent, &request->node);
}

bool link_has_unwritten(const struct link *link) {
    return !link->writing && link->wire.size + link->gathering.bytes.size > 0;
}

/* With the lock, which is given up while writing.  A lost connection is found by who reads. */
void link_write(struct link *link) {
    while (link->connection != NULL && link_has_unwritten(link)) {
        if (link->wire.size == 0)
            gathering_leave(&link->gathering, &link->wire, &link->sent);
        struct slice bytes = buffer_slice(&link->wire);
        link->writing = true;
        pthread_mutex_unlock(&link->lock);
        int64_t written = connection_write(link->connection, bytes.data, bytes.size);
        pthread_mutex_lock(&link->lock);
        link->writing = false;
        if (written <= 0) {
            if (!link->reading) /* whoever leads polls without knowing that there is something to write */
                service_wake(link->cache);
            return;
        }
        link->progress_ms = clock_now_ms();
        buffer_take(&link->wire, (size_t)written);
    }
}

/* ---- the connection comes and goes; with the lock, by the leader ---- */

void link_dial(struct link *link, struct link_node *done) {
    rcache_error failure = RCACHE_ERROR_INIT;
    link->reign = link->node->reign;
    pthread_mutex_unlock(&link->lock);
    struct connection *connection = dial(link->cache, link->node, link->purpose == LINK_WATCH, &failure);
    pthread_mutex_lock(&link->lock);
    int64_t now_ms = clock_now_ms();
    link->connection = connection;
    link->progress_ms = now_ms;
    if (connection == NULL) {
        backoff_note(&link->backoff, &failure, now_ms, link->cache->seed ^ (uintptr_t)link);
        exchange_finish_all(&link->unsent, failure.status, failure.message, done);
        return;
    }
    link->backoff = (struct backoff){ 0 };
    if (node_is_replaced(link->node, link->reign, connection_facts(connection)->epoch))
        recent_want(link->cache);
    if (link->purpose == LINK_WATCH && !connection_facts(connection)->can_track) {
        pthread_mutex_unlock(&link->lock);
        cache_cannot_watch(link->cache);
        pthread_mutex_lock(&link->lock);
    }
    struct link_node unsent;
    list_init(&unsent);
    list_move_all(&unsent, &link->unsent);
    for (struct link_node *node; (node = list_take(&unsent)) != NULL;)
        link_encode(link, list_entry(node, struct request, node), done);
}

void link_hang_up(struct link *link, int32_t status, const char *how, bool again, struct link_node *done) {
    while (link->writing) {
        pthread_mutex_unlock(&link->lock);
        sched_yield();
        pthread_mutex_lock(&link->lock);
    }
    rcache_error failure = RCACHE_ERROR_INIT;
    if (link->ended)
        status = error_set(&failure, RCACHE_E_CLOSED, "the cache was closed");
    else
        error_set(&failure, status, "%s", how);
    connection_close(link->connection);
    link->connection = NULL;
    buffer_clear(&link->wire);
    list_move_all(&link->confirming, &link->in_flight);
    list_move_all(&link->in_flight, &link->confirming);
    list_move_all(&link->in_flight, &link->sent);
    gathering_drop(&link->gathering, &link->in_flight);
    if (again && !link->ended)
        exchange_resend(&link->in_flight, status, failure.message, &link->unsent, done);
    else
        exchange_finish_all(&link->in_flight, status, failure.message, done);
    if (link->purpose != LINK_WATCH)
        return;
    pthread_mutex_unlock(&link->lock);
    cache_changed(link->cache, slice_of(NULL, 0));
    pthread_mutex_lock(&link->lock);
}

/* ---- leading ---- */

bool link_has_work(const struct link *link) {
    return !list_empty(&link->confirming) || !list_empty(&link->in_flight) || !list_empty(&link->sent) ||
           !list_empty(&link->gathering.requests) || !list_empty(&link->unsent) || link_has_unwritten(link);
}

/* With the lock.  A parked call leads on; where none is parked, the service thread does. */
void link_pass_lead(struct link *link) {
    if (link->led || !link_has_work(link))
        return;
    if (list_empty(&link->parked)) {
        if (link->coming == 0)
            service_wake(link->cache);
        return;
    }
    for (struct link_node *node = link->parked.next; node != &link->parked; node = node->next) {
        struct call *call = list_entry(node, struct call, parked);
        if (call->news)
            continue; /* it is on its way out, and passes the lead on itself */
        call->lead = true;
        wake_post(&link->group, call->bit);
        return;
    }
}

/* With the lock. */
static void flush(struct link *link, struct call *attended) {
    if (attended != NULL && attended->inside && !attended->coming) {
        attended->coming = true;
        link->coming++;
    }
    if (!link->reading)
        link_write(link);
    if (attended == NULL)
        link_pass_lead(link);
}

void link_send(struct link *link, struct link_node *requests, struct call *attended, int64_t now_ms,
               struct link_node *done) {
    pthread_mutex_lock(&link->lock);
    if (link->connection != NULL)
        leave_history(link);
    for (struct link_node *node; (node = list_take(requests)) != NULL;)
        append(link, list_entry(node, struct request, node), now_ms, done);
    flush(link, attended);
    pthread_mutex_unlock(&link->lock);
    if (link->purpose == LINK_WATCH) /* who listens there does so without end, unless it knows that a reply is due */
        service_expect(link->cache, now_ms + link->cache->settings.op_timeout_ms);
}

void link_flush(struct link *link, struct call *attended) {
    pthread_mutex_lock(&link->lock);
    flush(link, attended);
    pthread_mutex_unlock(&link->lock);
}

/* With the lock. */
void link_arrive(struct link *link, struct call *call) {
    if (call->coming)
        link->coming--;
    call->coming = false;
}

void link_forget(struct link *link, struct call *call) {
    pthread_mutex_lock(&link->lock);
    link_arrive(link, call);
    link_pass_lead(link);
    pthread_mutex_unlock(&link->lock);
}

void link_end(struct link *link) {
    pthread_mutex_lock(&link->lock);
    link->ended = true;
    if (link->connection != NULL)
        shutdown(connection_fd(link->connection), SHUT_RDWR);
    pthread_mutex_unlock(&link->lock);
    wake_post(&link->group, UINT32_MAX);
}

bool link_try_lead(struct link *link) {
    pthread_mutex_lock(&link->lock);
    bool watches = link->purpose == LINK_WATCH && link->connection != NULL;
    bool leads = !link->led && !link->ended && (watches || (link_has_work(link) && list_empty(&link->parked)));
    if (leads)
        link->led = true;
    pthread_mutex_unlock(&link->lock);
    return leads;
}

void link_resign(struct link *link, bool comes_back) {
    pthread_mutex_lock(&link->lock);
    link->led = false;
    link->reading = false;
    link_write(link);
    if (!comes_back || !list_empty(&link->parked))
        link_pass_lead(link);
    pthread_mutex_unlock(&link->lock);
}

int link_stuck(struct link *link) {
    pthread_mutex_lock(&link->lock);
    bool stuck = link->connection != NULL && link_has_unwritten(link);
    int fd = stuck ? connection_fd(link->connection) : -1;
    pthread_mutex_unlock(&link->lock);
    return fd;
}
