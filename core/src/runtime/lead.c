/* lead: reading a link for all who wait on it. */
#include "base/clock.h"
#include "runtime/cache.h"
#include "runtime/call.h"
#include "runtime/link.h"
#include "runtime/thread.h"

#include <errno.h>
#include <poll.h>

static int64_t dead_ms(const struct link *link) {
    const struct link_node *oldest = !list_empty(&link->confirming)  ? link->confirming.next
                                     : !list_empty(&link->in_flight) ? link->in_flight.next
                                     : !list_empty(&link->sent)      ? link->sent.next
                                                                     : link->gathering.requests.next;
    bool is_one = oldest != &link->gathering.requests;
    const struct request *request = is_one ? list_entry(oldest, struct request, node) : NULL;
    return exchange_dead_ms(link->cache, link->purpose, request, link->progress_ms);
}

int link_prepare(struct link *link, short *events, int64_t *until_ms, struct link_node *done) {
    pthread_mutex_lock(&link->lock);
    link->reading = true;
    if (link->ended)
        exchange_finish_all(&link->unsent, RCACHE_E_CLOSED, "the cache was closed", done);
    if (link->connection == NULL && !list_empty(&link->unsent))
        link_dial(link, done);
    link_write(link);
    link->reading = false;
    list_move_all(&link->in_flight, &link->sent);
    *events = link_has_unwritten(link) ? POLLIN | POLLOUT : POLLIN;
    *until_ms = dead_ms(link);
    /* A caller that polls sleeps where no wake reaches it: only while a reply is due. */
    bool due = !list_empty(&link->confirming) || !list_empty(&link->in_flight) ||
               !list_empty(&link->gathering.requests) || link->purpose == LINK_WATCH;
    int fd = link->connection != NULL && due ? connection_fd(link->connection) : -1;
    pthread_mutex_unlock(&link->lock);
    return fd;
}

static bool take_reply(struct link *link, const struct resp *resp, struct link_node *again, struct link_node *done) {
    if (list_empty(&link->in_flight)) {
        pthread_mutex_lock(&link->lock);
        list_move_all(&link->in_flight, &link->sent);
        pthread_mutex_unlock(&link->lock);
    }
    return exchange_take_reply(resp, connection_facts(link->connection), &link->in_flight, &link->confirming, again,
                               done);
}

static bool take_replies(struct link *link, struct link_node *again, struct link_node *done) {
    const struct resp *resp;
    int next;
    while ((next = connection_next(link->connection, &resp)) > 0) {
        if (resp->type == RESP_PUSH)
            exchange_take_push(link->cache, resp);
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
    if (link->connection != NULL &&
        node_has_risen(link->node, link->reign, connection_facts(link->connection)->replica)) {
        failure = "another server is the primary by now"; /* nor are replies taken that have come since */
    } else if (readable) {
        got = connection_read(link->connection);
        if (got < 0)
            failure = connection_failure(link->connection);
        else if (!take_replies(link, &again, done)) {
            bool starved = connection_starved(link->connection);
            status = starved ? RCACHE_E_NOMEM : RCACHE_E_PROTOCOL;
            failure = starved ? "no memory for a reply" : "the server sent what is no reply to any command";
        }
    }
    pthread_mutex_lock(&link->lock);
    int64_t now_ms = clock_now_ms();
    if (got > 0)
        link->progress_ms = now_ms;
    peeks_take(&link->gathering.peeks, done, &again, now_ms);
    for (struct link_node *node; (node = list_take(&again)) != NULL;)
        link_encode(link, list_entry(node, struct request, node), done);
    if (failure != NULL)
        link_hang_up(link, status, failure, status != RCACHE_E_PROTOCOL, done);
    else if (now_ms >= dead_ms(link))
        link_hang_up(link, RCACHE_E_UNAVAILABLE, "no answer from the server within op_timeout", false, done);
    pthread_mutex_unlock(&link->lock);
}

static bool must_dial(struct link *link) {
    pthread_mutex_lock(&link->lock);
    bool must = link->connection == NULL && !list_empty(&link->unsent) && !link->ended;
    pthread_mutex_unlock(&link->lock);
    return must;
}

static void *dial_and_resign(void *argument) {
    struct link *link = argument;
    struct rcache *cache = link->cache;
    struct link_node done;
    short events;
    int64_t until_ms;
    list_init(&done);
    link_prepare(link, &events, &until_ms, &done);
    cache_dispatch(cache, &done);
    link_resign(link, false);
    cache_drop(cache);
    return NULL;
}

bool link_dial_apart(struct link *link) {
    if (!must_dial(link))
        return false;
    cache_hold(link->cache);
    if (thread_start(dial_and_resign, link))
        return true;
    link->cache->owners--;
    return false;
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
    if (link->connection == NULL && until_ms - clock_now_ms() < 2 * link->cache->settings.connect_timeout_ms) {
        pthread_mutex_unlock(&link->lock);
        bool apart = link_dial_apart(link); /* it may take longer than the call has */
        pthread_mutex_lock(&link->lock);
        if (apart)
            return WAKE_CHANGED;
    }
    while (!call->news && reason == WAKE_CHANGED && link_has_work(link) && !link->ended) {
        pthread_mutex_unlock(&link->lock);
        reason = lead_once(link, call, until_ms);
        pthread_mutex_lock(&link->lock);
        if (reason == WAKE_CHANGED && clock_now_ms() >= until_ms)
            reason = WAKE_TIMEOUT;
    }
    link->led = false;
    link->reading = false;
    link_write(link);
    return reason;
}

enum wake_reason link_wait(struct link *link, struct call *call, int64_t until_ms) {
    enum wake_reason reason = WAKE_CHANGED;
    pthread_mutex_lock(&link->lock);
    link_arrive(link, call);
    while (!call->news && !link->ended && reason == WAKE_CHANGED) {
        if (!link->led && link_has_work(link)) {
            reason = lead(link, call, until_ms);
            continue;
        }
        uint32_t ticket = wake_ticket(&link->group);
        call->lead = false;
        call->asleep = true;
        list_append(&link->parked, &call->parked);
        pthread_mutex_unlock(&link->lock);
        while (reason == WAKE_CHANGED && !call->news && !call->lead && !link->ended) {
            reason = wake_wait(&link->group, ticket, call->bit, until_ms);
            ticket = wake_ticket(&link->group);
        }
        call->asleep = false;
        pthread_mutex_lock(&link->lock);
        list_remove(&call->parked);
    }
    link_pass_lead(link);
    pthread_mutex_unlock(&link->lock);
    return reason;
}
