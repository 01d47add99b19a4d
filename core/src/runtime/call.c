#include "runtime/call.h"

#include "base/clock.h"
#include "resilicache.h"
#include "runtime/cache.h"
#include "runtime/link.h"
#include "runtime/queue.h"

#include <stdatomic.h>

struct call *call_attends(struct call *call) {
    return call->queue == NULL && !call->over && !call->waiting && call->link != NULL ? call : NULL;
}

uint32_t call_news(struct call *call) {
    if (call->queue != NULL) {
        queue_push(call->queue, call);
        return 0;
    }
    call->news = true;
    return call->asleep ? call->bit : 0;
}

static void disarm(struct op *op) {
    if (!op->timed)
        return;
    engine_disarm(cache_lock_engine(call_of(op)->cache), &op->timer);
    cache_unlock_engine(call_of(op)->cache, NULL);
}

/* Ends what is not settled yet, wherever the op is. */
static void end(struct op *op, int32_t status, const char *what) {
    struct rcache *cache = call_of(op)->cache;
    struct engine *engine = cache_lock_engine(cache);
    if (op->shared)
        engine_end_op(engine, op, status, what, clock_now_ms());
    else
        engine_end_private(engine, op, status, what, clock_now_ms());
    cache_unlock_engine(cache, NULL);
}

/* The op needs the service thread; without it, it is ended. */
static bool has_service(struct op *op) {
    struct rcache *cache = call_of(op)->cache;
    if (service_start(cache))
        return true;
    if (cache->closed)
        end(op, RCACHE_E_CLOSED, "the cache was closed");
    else
        end(op, RCACHE_E_NOMEM, "no thread for timers and connections could be started");
    return false;
}

/* The first replies are in.  True: that was all. */
static bool settle_private(struct op *op) {
    struct rcache *cache = call_of(op)->cache;
    if (op_settle(op, &call_of(op)->stripe->counters)) {
        disarm(op);
        return true;
    }
    if (!has_service(op))
        return true;
    struct engine *engine = cache_lock_engine(cache);
    op->timed = call_of(op)->queue != NULL;
    op->loads_apart = (op->loads_apart || op->timed) && cache->stepper == NULL;
    if (op->timed)
        engine_arm(engine, &op->timer, op->deadline_ms);
    engine_enter(engine, op, clock_now_ms());
    cache_unlock_engine(cache, call_attends(call_of(op)));
    return false;
}

/* A server that doesn't answer ends the first phase by itself, but not as soon as a short deadline wants it; and where
 * one waits for replicas, the next wait for that. */
static void time_first_phase(struct op *op) {
    struct rcache *cache = call_of(op)->cache;
    if (call_of(op)->queue == NULL || cache->memory != NULL)
        return;
    int64_t sure_ms = cache->settings.op_timeout_ms + 2 * cache->settings.connect_timeout_ms;
    bool late = op->deadline_ms - clock_now_ms() < sure_ms || cache->settings.policy.wait_replicas > 0;
    op->timed = late && service_start(cache);
    if (!op->timed)
        return;
    engine_arm(cache_lock_engine(cache), &op->timer, op->deadline_ms);
    cache_unlock_engine(cache, NULL);
}

/* A stream of its own: the count is the stripe's. */
static struct random random_of_call(const struct call *call, uint64_t count) {
    uint64_t number = count * STRIPES + (uint64_t)(call->stripe - call->cache->stripes);
    return (struct random){ call->cache->seed ^ (number << 20) };
}

/* Its first requests are in *requests.  True: it is done. */
static bool prepare(struct op *op, struct link_node *requests) {
    struct call *call = call_of(op);
    struct rcache *cache = call->cache;
    struct random random = random_of_call(call, call->stripe->calls++);
    call->begun = true;
    if (cache->closed) {
        end(op, RCACHE_E_CLOSED, "the cache was closed");
        return true;
    }
    if (call->canceled) {
        cache->counters.canceled++;
        end(op, RCACHE_E_CANCELED, "canceled");
        return true;
    }
    if (call->queue != NULL && cache->memory == NULL && !has_service(op)) /* nobody else leads for it */
        return true;
    if (op->unsettled > 0 && op_prepare(op, &cache->settings.policy, &random)) {
        time_first_phase(op);
        if (!cache_submit(cache, op, requests))
            return false;
    }
    return settle_private(op);
}

static bool begin(struct op *op) {
    struct link_node requests;
    list_init(&requests);
    bool done = prepare(op, &requests);
    cache_send(call_of(op)->cache, &requests, call_attends(call_of(op)));
    return done;
}

/* The op told that there is news of it. */
static enum call_event look(struct op *op, struct load **load) {
    struct rcache *cache = call_of(op)->cache;
    if (!op->shared) {
        if (op->pending > 0)
            return CALL_NOTHING;
        if (settle_private(op))
            return CALL_DONE;
    }
    struct engine *engine = cache_lock_engine(cache);
    bool ending = cache->closed || call_of(op)->canceled; /* a load that is there by now is given up with the op */
    *load = ending ? NULL : engine_take_load(engine, op, clock_now_ms());
    bool done = *load == NULL && op->unsettled == 0;
    bool lost = !done && *load == NULL && op->tells_lost;
    if (done)
        engine_disarm(&cache->engine, &op->timer);
    if (lost)
        op->tells_lost = false;
    cache_unlock_engine(cache, call_attends(call_of(op)));
    return *load != NULL ? CALL_LOAD : done ? CALL_DONE : lost ? CALL_LOST : CALL_NOTHING;
}

void call_refuse(struct op *op, int32_t status, const char *what) {
    end(op, status, what);
    call_news(call_of(op));
}

void call_begin(struct op *op, struct link_node *requests) {
    if (prepare(op, requests))
        call_news(call_of(op));
}

static enum wake_reason sleep_until(struct call *call, int64_t until_ms) {
    if (call->link != NULL)
        return link_wait(call->link, call, until_ms);
    enum wake_reason reason = WAKE_CHANGED;
    call->asleep = true;
    while (reason == WAKE_CHANGED) {
        uint32_t ticket = wake_ticket(call->group);
        if (call->news || call->cache->closed)
            break;
        reason = wake_wait(call->group, ticket, call->bit, until_ms);
    }
    call->asleep = false;
    return reason;
}

/* Why the op must end now, or RCACHE_OK. */
static int32_t overdue(struct op *op, int64_t now_ms, const char **what) {
    struct call *call = call_of(op);
    if (call->cache->closed) {
        *what = "the cache was closed";
        return RCACHE_E_CLOSED;
    }
    if (call->canceled) {
        call->cache->counters.canceled++;
        *what = "canceled";
        return RCACHE_E_CANCELED;
    }
    if (now_ms < op->deadline_ms)
        return RCACHE_OK;
    call->cache->counters.timeouts++;
    *what = op->shared ? "its deadline passed while another was loading it"
                       : "its deadline passed before the server answered";
    return RCACHE_E_TIMEOUT;
}

enum call_event call_look(struct op *op, struct load **load) {
    *load = NULL;
    if (!op->shared && op->unsettled == 0)
        return CALL_DONE;
    enum call_event event = look(op, load);
    const char *what;
    int32_t status = event == CALL_NOTHING ? overdue(op, clock_now_ms(), &what) : RCACHE_OK;
    if (status == RCACHE_OK)
        return event;
    end(op, status, what);
    return CALL_DONE;
}

static enum call_event wait_inside(struct op *op, int64_t timeout_ms, struct load **load) {
    struct call *call = call_of(op);
    *load = NULL;
    if (!call->begun && begin(op))
        return CALL_DONE;
    bool forever = timeout_ms < 0 || timeout_ms > INT64_MAX / 2;
    int64_t give_up_ms = forever ? INT64_MAX : clock_now_ms() + timeout_ms;
    for (bool late = false;;) {
        if (atomic_exchange(&call->news, false)) {
            enum call_event event = look(op, load);
            if (event != CALL_NOTHING)
                return event;
        }
        int64_t now_ms = clock_now_ms();
        const char *what;
        int32_t status = overdue(op, now_ms, &what);
        if (status != RCACHE_OK) {
            end(op, status, what);
            if (call->link != NULL) /* what it sent, and nobody waits for any more, is still to be read */
                link_flush(call->link, NULL);
            return CALL_DONE;
        }
        if (late)
            return CALL_NOTHING;
        late = now_ms >= give_up_ms; /* one turn for the link all the same: who polls with 0 gets on, too */
        int64_t until_ms = op->deadline_ms < give_up_ms ? op->deadline_ms : give_up_ms;
        call->waiting = true;
        enum wake_reason reason = sleep_until(call, until_ms);
        call->waiting = false;
        if (reason == WAKE_INTERRUPTED && !call->news)
            return CALL_NOTHING;
    }
}

enum call_event call_wait(struct op *op, int64_t timeout_ms, struct load **load) {
    struct call *call = call_of(op);
    if (call->link == NULL)
        return wait_inside(op, timeout_ms, load);
    call->inside = true;
    enum call_event event = wait_inside(op, timeout_ms, load);
    call->inside = false;
    if (call->coming)
        link_forget(call->link, call);
    return event;
}

void call_cancel(struct op *op) {
    struct call *call = call_of(op);
    call->canceled = true;
    uint32_t bit = call_news(call);
    if (bit != 0)
        wake_post(call->group, bit);
}

/* Also one that is done but for being told: it may have a refresh to hand over, whose lease must not stay behind. */
void call_abandon(struct op *op) {
    if (call_of(op)->begun)
        end(op, RCACHE_E_CANCELED, "given up by its caller");
    struct call *call = call_of(op);
    if (call->queue == NULL && call->link != NULL) /* what its loads have stored: the answer is still to be read */
        link_flush(call->link, NULL);
}
