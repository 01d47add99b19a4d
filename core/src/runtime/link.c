#include "runtime/link.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "runtime/cache.h"
#include "runtime/call.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

enum { PAUSE_FIRST_MS = 50, PAUSE_LAST_MS = 1000, ATTEMPTS_MAX = 2 };

struct link *link_new(struct rcache *cache, enum link_purpose purpose) {
    struct link *link = mem_alloc_zeroed(1, sizeof *link);
    if (link == NULL)
        return NULL;
    link->cache = cache;
    link->purpose = purpose;
    pthread_mutex_init(&link->lock, NULL);
    list_init(&link->unsent);
    list_init(&link->sent);
    list_init(&link->in_flight);
    list_init(&link->parked);
    wake_init(&link->group);
    return link;
}

static void finish(struct request *request, int32_t status, const char *message, struct link_node *done) {
    request_clear(request);
    request->reply.status = status;
    request->reply.message = blob_copy(message, strlen(message));
    list_append(done, &request->node);
}

static void finish_all(struct link_node *requests, int32_t status, const char *message, struct link_node *done) {
    for (struct link_node *node; (node = list_take(requests)) != NULL;)
        finish(list_entry(node, struct request, node), status, message, done);
}

void link_free(struct link *link, struct link_node *done) {
    if (link == NULL)
        return;
    finish_all(&link->in_flight, RCACHE_E_CLOSED, "the cache was closed", done);
    finish_all(&link->sent, RCACHE_E_CLOSED, "the cache was closed", done);
    finish_all(&link->unsent, RCACHE_E_CLOSED, "the cache was closed", done);
    connection_close(link->connection);
    buffer_clear(&link->out);
    buffer_clear(&link->wire);
    wake_clear(&link->group);
    pthread_mutex_destroy(&link->lock);
    mem_free(link);
}

/* ---- sending ---- */

/* With the lock, and the link up. */
static void encode(struct link *link, struct request *request, struct link_node *done) {
    if (request->verb == VERB_WATCH && !connection_facts(link->connection)->can_track) {
        finish(request, RCACHE_E_UNSUPPORTED, "the server can't tell of changed keys", done);
        return;
    }
    request->replies = 0;
    if (redis_encode(&link->out, request, connection_facts(link->connection), &request->replies_due))
        list_append(&link->sent, &request->node);
    else
        finish(request, RCACHE_E_NOMEM, "no memory to send a command", done);
}

void link_append(struct link *link, struct request *request, struct link_node *done) {
    request->sent_ms = clock_now_ms();
    request->attempts = 1;
    pthread_mutex_lock(&link->lock);
    if (link->ended)
        finish(request, RCACHE_E_CLOSED, "the cache was closed", done);
    else if (link->connection != NULL)
        encode(link, request, done);
    else if (request->sent_ms < link->retry_ms)
        finish(request, link->failure.status, link->failure.message, done);
    else
        list_append(&link->unsent, &request->node);
    pthread_mutex_unlock(&link->lock);
}

/* With the lock, which is given up while writing.  A lost connection is found by who reads. */
static void write_gathered(struct link *link) {
    while (!link->writing && link->connection != NULL && link->wire.size + link->out.size > 0) {
        if (link->wire.size == 0) {
            struct buffer empty = link->wire;
            link->wire = link->out;
            link->out = empty;
        }
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

static void dial(struct link *link, struct link_node *done) {
    const struct settings *settings = &link->cache->settings;
    struct connection_target target = { .host = settings->endpoint.host,
                                        .port = settings->endpoint.scheme == SCHEME_UNIX ? 0 : settings->endpoint.port,
                                        .username = settings->endpoint.username,
                                        .password = settings->endpoint.password,
                                        .database = settings->endpoint.database,
                                        .resp = settings->resp,
                                        .track = link->purpose == LINK_WATCH,
                                        .timeout_ms = settings->connect_timeout_ms };
    rcache_error failure = RCACHE_ERROR_INIT;
    pthread_mutex_unlock(&link->lock);
    struct connection *connection = connection_open(&target, &failure);
    pthread_mutex_lock(&link->lock);
    int64_t now_ms = clock_now_ms();
    link->connection = connection;
    link->progress_ms = now_ms;
    if (connection == NULL) {
        struct random random = { (uint64_t)clock_now_us() ^ link->cache->seed };
        link->failure = failure;
        link->pause_ms = link->pause_ms == 0 ? PAUSE_FIRST_MS : link->pause_ms * 2;
        if (link->pause_ms > PAUSE_LAST_MS)
            link->pause_ms = PAUSE_LAST_MS;
        link->retry_ms = now_ms + link->pause_ms / 2 + (int64_t)(random_fraction(&random) * (double)link->pause_ms / 2);
        finish_all(&link->unsent, failure.status, failure.message, done);
        return;
    }
    link->pause_ms = 0;
    link->retry_ms = 0;
    if (link->purpose == LINK_WATCH && !connection_facts(connection)->can_track) {
        pthread_mutex_unlock(&link->lock);
        cache_cannot_watch(link->cache);
        pthread_mutex_lock(&link->lock);
    }
    struct link_node unsent;
    list_init(&unsent);
    list_move_all(&unsent, &link->unsent);
    for (struct link_node *node; (node = list_take(&unsent)) != NULL;)
        encode(link, list_entry(node, struct request, node), done);
}

/* Every verb may be carried out twice: what had no answer is sent once more over the next connection, unless the
 * server took its time already. */
static void hang_up(struct link *link, int32_t status, const char *how, bool again, struct link_node *done) {
    while (link->writing) {
        pthread_mutex_unlock(&link->lock);
        sched_yield();
        pthread_mutex_lock(&link->lock);
    }
    rcache_error failure = RCACHE_ERROR_INIT;
    error_set(&failure, status, "%s", how);
    connection_close(link->connection);
    link->connection = NULL;
    buffer_clear(&link->out);
    buffer_clear(&link->wire);
    list_move_all(&link->in_flight, &link->sent);
    for (struct link_node *node; (node = list_take(&link->in_flight)) != NULL;) {
        struct request *request = list_entry(node, struct request, node);
        if (!again || link->ended || request->attempts >= ATTEMPTS_MAX) {
            finish(request, status, failure.message, done);
            continue;
        }
        request->attempts++;
        list_append(&link->unsent, node);
    }
    if (link->purpose != LINK_WATCH)
        return;
    pthread_mutex_unlock(&link->lock);
    cache_changed(link->cache, slice_of(NULL, 0));
    pthread_mutex_lock(&link->lock);
}

/* ---- leading ---- */

static bool has_work(const struct link *link) {
    return !list_empty(&link->in_flight) || !list_empty(&link->sent) || !list_empty(&link->unsent) ||
           link->wire.size + link->out.size > 0;
}

/* With the lock.  A parked call leads on; where none is parked, the service thread does. */
static void pass_lead(struct link *link) {
    if (link->led || !has_work(link))
        return;
    if (list_empty(&link->parked)) {
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

void link_flush(struct link *link, bool attended) {
    pthread_mutex_lock(&link->lock);
    if (!link->reading)
        write_gathered(link);
    if (!attended)
        pass_lead(link);
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
    bool leads = !link->led && !link->ended && (watches || (has_work(link) && list_empty(&link->parked)));
    if (leads)
        link->led = true;
    pthread_mutex_unlock(&link->lock);
    return leads;
}

void link_resign(struct link *link) {
    pthread_mutex_lock(&link->lock);
    link->led = false;
    link->reading = false;
    write_gathered(link);
    pass_lead(link);
    pthread_mutex_unlock(&link->lock);
}

/* How long the server may go on without a sign of life: WAIT holds its answers back. */
static int64_t patience_ms(const struct link *link) {
    const struct settings *settings = &link->cache->settings;
    int64_t wait_ms = link->purpose == LINK_CONFIRM ? settings->policy.wait_replicas_timeout_ms : 0;
    return settings->op_timeout_ms + wait_ms;
}

/* The oldest request without an answer counts, or, while bytes flow, the last of them. */
static int64_t dead_ms(const struct link *link) {
    const struct link_node *oldest = !list_empty(&link->in_flight) ? link->in_flight.next : link->sent.next;
    if (oldest == &link->sent)
        return INT64_MAX;
    int64_t since_ms = list_entry(oldest, struct request, node)->sent_ms;
    return (since_ms > link->progress_ms ? since_ms : link->progress_ms) + patience_ms(link);
}

int link_prepare(struct link *link, short *events, int64_t *until_ms, struct link_node *done) {
    pthread_mutex_lock(&link->lock);
    link->reading = true;
    if (link->ended)
        finish_all(&link->unsent, RCACHE_E_CLOSED, "the cache was closed", done);
    if (link->connection == NULL && !list_empty(&link->unsent))
        dial(link, done);
    write_gathered(link);
    link->reading = false;
    list_move_all(&link->in_flight, &link->sent);
    *events = link->wire.size + link->out.size > 0 ? POLLIN | POLLOUT : POLLIN;
    *until_ms = dead_ms(link);
    int fd = link->connection != NULL ? connection_fd(link->connection) : -1;
    pthread_mutex_unlock(&link->lock);
    return fd;
}

static void take_push(struct link *link, const struct resp *push) {
    bool invalidation = push->count == 2 && slice_equal(push->items[0].text, slice_of_text("invalidate"));
    if (!invalidation)
        return;
    const struct resp *keys = &push->items[1];
    if (keys->type != RESP_ARRAY)
        cache_changed(link->cache, slice_of(NULL, 0));
    else
        for (size_t i = 0; i < keys->count; i++)
            cache_changed(link->cache, keys->items[i].text);
}

/* The reply belongs to the oldest request.  False: it makes no sense. */
static bool take_reply(struct link *link, const struct resp *resp, struct link_node *again, struct link_node *done) {
    if (list_empty(&link->in_flight)) {
        pthread_mutex_lock(&link->lock);
        list_move_all(&link->in_flight, &link->sent);
        pthread_mutex_unlock(&link->lock);
    }
    if (list_empty(&link->in_flight))
        return false;
    struct request *request = list_entry(link->in_flight.next, struct request, node);
    enum redis_answer answer = redis_decode(request, request->replies++, resp, connection_facts(link->connection));
    if (answer == REDIS_MORE)
        return request->replies < request->replies_due;
    list_remove(&request->node);
    list_append(answer == REDIS_AGAIN ? again : done, &request->node);
    return true;
}

static bool take_replies(struct link *link, struct link_node *again, struct link_node *done) {
    const struct resp *resp;
    int next;
    while ((next = connection_next(link->connection, &resp)) > 0) {
        if (resp->type == RESP_PUSH)
            take_push(link, resp);
        else if (!take_reply(link, resp, again, done))
            return false;
    }
    return next == 0;
}

void link_receive(struct link *link, bool readable, struct link_node *done) {
    struct link_node again;
    list_init(&again);
    const char *failure = NULL;
    int32_t status = RCACHE_E_UNAVAILABLE;
    int64_t got = 0;
    pthread_mutex_lock(&link->lock);
    link->reading = true;
    pthread_mutex_unlock(&link->lock);
    if (readable) {
        got = connection_read(link->connection);
        if (got < 0)
            failure = connection_failure(link->connection);
        else if (!take_replies(link, &again, done)) {
            status = RCACHE_E_PROTOCOL;
            failure = "the server sent what is no reply to any command";
        }
    }
    pthread_mutex_lock(&link->lock);
    int64_t now_ms = clock_now_ms();
    if (got > 0)
        link->progress_ms = now_ms;
    for (struct link_node *node; (node = list_take(&again)) != NULL;)
        encode(link, list_entry(node, struct request, node), done);
    if (failure != NULL)
        hang_up(link, status, failure, status == RCACHE_E_UNAVAILABLE, done);
    else if (now_ms >= dead_ms(link))
        hang_up(link, RCACHE_E_UNAVAILABLE, "no answer from the server within op_timeout", false, done);
    pthread_mutex_unlock(&link->lock);
}

int link_stuck(struct link *link) {
    pthread_mutex_lock(&link->lock);
    bool stuck = link->connection != NULL && !link->writing && link->wire.size + link->out.size > 0;
    int fd = stuck ? connection_fd(link->connection) : -1;
    pthread_mutex_unlock(&link->lock);
    return fd;
}

/* One round of leading on a caller's thread. */
static enum wake_reason lead_once(struct link *link, struct call *call, int64_t until_ms) {
    struct link_node done;
    list_init(&done);
    short events;
    int64_t link_until_ms;
    int fd = link_prepare(link, &events, &link_until_ms, &done);
    enum wake_reason reason = WAKE_CHANGED;
    if (fd >= 0 && list_empty(&done) && !call->news) {
        struct pollfd poll_fd = { .fd = fd, .events = events };
        int found = poll(&poll_fd, 1, clock_timeout_ms(link_until_ms < until_ms ? link_until_ms : until_ms));
        if (found < 0 && errno == EINTR)
            reason = WAKE_INTERRUPTED;
        link_receive(link, found > 0 && (poll_fd.revents & ~POLLOUT) != 0, &done);
    }
    cache_dispatch(link->cache, &done);
    return reason;
}

/* With the lock; the link is led by nobody. */
static enum wake_reason lead(struct link *link, struct call *call, int64_t until_ms) {
    enum wake_reason reason = WAKE_CHANGED;
    link->led = true;
    while (!call->news && reason == WAKE_CHANGED && has_work(link) && !link->ended) {
        pthread_mutex_unlock(&link->lock);
        reason = lead_once(link, call, until_ms);
        pthread_mutex_lock(&link->lock);
        if (reason == WAKE_CHANGED && clock_now_ms() >= until_ms)
            reason = WAKE_TIMEOUT;
    }
    link->led = false;
    link->reading = false;
    write_gathered(link);
    return reason;
}

enum wake_reason link_wait(struct link *link, struct call *call, int64_t until_ms) {
    enum wake_reason reason = WAKE_CHANGED;
    pthread_mutex_lock(&link->lock);
    while (!call->news && !link->ended && reason == WAKE_CHANGED) {
        if (!link->led && has_work(link)) {
            reason = lead(link, call, until_ms);
            continue;
        }
        uint32_t ticket = wake_ticket(&link->group);
        call->lead = false;
        list_append(&link->parked, &call->parked);
        pthread_mutex_unlock(&link->lock);
        while (reason == WAKE_CHANGED && !call->news && !call->lead && !link->ended) {
            reason = wake_wait(&link->group, ticket, call->bit, until_ms);
            ticket = wake_ticket(&link->group);
        }
        pthread_mutex_lock(&link->lock);
        list_remove(&call->parked);
    }
    pass_lead(link);
    pthread_mutex_unlock(&link->lock);
    return reason;
}
