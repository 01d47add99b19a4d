#include "call.h"

#include "base/hash.h"
#include "base/rule.h"
#include "engine/engine.h"
#include "resilicache.h"
#include "world.h"

static struct op *op_of(const struct beginning *begin) {
    char keys[KEY_SIZE * CALL_KEYS_MAX];
    uint32_t sizes[CALL_KEYS_MAX];
    for (uint32_t i = 0; i < begin->count; i++) {
        memcpy(keys + KEY_SIZE * (size_t)i, key_slice(begin->keys[i]).data, KEY_SIZE);
        sizes[i] = KEY_SIZE;
    }
    return op_new(begin->kind, slice_of(NULL, 0), keys, sizes, begin->count, slice_of_text(begin->owner),
                  sizeof(struct call));
}

static void fill_op(struct op *op, const struct process *process, const struct beginning *begin) {
    struct slice key = op->slots[0].request.key;
    int64_t now_ms = process_now_ms(process);
    op->strong = begin->strong;
    op->refresh_inline = begin->refresh_inline;
    op->wait = begin->wait;
    op->intent = begin->intent;
    op->raw = begin->raw;
    op->loads_apart = begin->queue;
    op->ttl_ms = begin->ttl_ms;
    op->version = begin->version;
    op->lease_ms = begin->lease_ms;
    op->deadline_given = begin->deadline_ms > 0;
    op->deadline_ms = now_ms + (op->deadline_given ? begin->deadline_ms : process->policy.deadline_ms);
    op->route = (uint32_t)hash64(key.data, key.size, process->world->plan.seed);
    for (size_t i = 0; i < op->count; i++) {
        op->slots[i].request.value = begin->values[i];
        bool own = process->world->plan.session && begin->kind == OP_FETCH;
        op->strong = op->strong || (own && session_holds(&process->session, op->slots[i].request.key, now_ms));
    }
}

static void fill_call(struct call *call, struct process *process, struct caller *caller, struct op *op,
                      const struct beginning *begin) {
    call->process = process;
    call->caller = caller;
    call->op = op;
    call->number = ++process->world->ops;
    call->queue = begin->queue;
    call->deadline_ms = op->deadline_ms;
    for (size_t i = 0; i < op->count; i++) {
        call->keys[i] = begin->keys[i];
        call->writes[i] = begin->writes[i];
    }
    list_init(&call->live);
    list_append(&process->calls, &call->live);
}

static void disarm(struct call *call) {
    struct process *process = call->process;
    process_enter(process);
    engine_disarm(&process->engine, &call->op->timer);
    process_leave(process);
}

/* The first replies are in. */
static bool settle_private(struct call *call) {
    struct process *process = call->process;
    process_enter(process);
    bool done = op_settle(call->op, &process->counters);
    if (done) {
        engine_disarm(&process->engine, &call->op->timer);
    } else {
        call->op->timed = call->queue;
        if (call->op->timed)
            engine_arm(&process->engine, &call->op->timer, call->op->deadline_ms);
        engine_enter(&process->engine, call->op, process_now_ms(process));
    }
    process_leave(process);
    return done;
}

/* A server that doesn't answer ends the first phase by itself, but not as soon as a short deadline wants it. */
static void time_first_phase(struct call *call) {
    struct process *process = call->process;
    call->op->timed = call->queue;
    if (!call->queue)
        return;
    process_enter(process);
    engine_arm(&process->engine, &call->op->timer, call->op->deadline_ms);
    process_leave(process);
}

struct call *call_begin(struct process *process, struct caller *caller, struct beginning *begin) {
    struct world *world = process->world;
    process_enter(process);
    struct op *op = op_of(begin);
    process_leave(process);
    if (op == NULL) {
        for (uint32_t i = 0; i < begin->count; i++)
            blob_drop(begin->values[i]);
        return NULL;
    }
    struct call *call = call_of(op);
    fill_op(op, process, begin);
    fill_call(call, process, caller, op, begin);
    check_call_begins(world, call);
    if (op_prepare(op, &process->policy, &process->random)) {
        op->pending = op->count;
        time_first_phase(call);
        process_submit(process, op);
    } else if (settle_private(call)) {
        call_news(call);
    }
    return call;
}

void call_news(struct call *call) {
    call->news = true;
    if (call->caller != NULL && !call->over)
        caller_wake(call->caller);
}

void call_end(struct call *call, int32_t status, const char *what) {
    struct process *process = call->process;
    struct op *op = call->op;
    process_enter(process);
    if (op->shared)
        engine_end_op(&process->engine, op, status, what, process_now_ms(process));
    else
        engine_end_private(&process->engine, op, status, what, process_now_ms(process));
    process_leave(process);
}

/* As look() of the runtime. */
static enum call_event look(struct call *call, struct load **load) {
    struct process *process = call->process;
    struct op *op = call->op;
    if (!op->shared) {
        if (op->pending > 0)
            return CALL_NOTHING;
        if (settle_private(call))
            return CALL_DONE;
    }
    process_enter(process);
    *load = engine_take_load(&process->engine, op, process_now_ms(process));
    bool done = *load == NULL && op->unsettled == 0;
    if (done)
        engine_disarm(&process->engine, &op->timer);
    process_leave(process);
    return *load != NULL ? CALL_LOAD : done ? CALL_DONE : CALL_NOTHING;
}

static int32_t overdue(const struct call *call, const char **what) {
    *what = "canceled";
    if (call->canceled)
        return RCACHE_E_CANCELED;
    *what = "its deadline passed";
    return process_now_ms(call->process) < call->op->deadline_ms ? RCACHE_OK : RCACHE_E_TIMEOUT;
}

enum call_event call_look(struct call *call, struct load **load) {
    enum call_event event = CALL_NOTHING;
    bool news = call->news;
    *load = NULL;
    call->news = false;
    if (news)
        event = call->op->unsettled == 0 && !call->op->shared ? CALL_DONE : look(call, load);
    if (event != CALL_NOTHING || (call->queue && !news))
        return event;
    const char *what;
    int32_t status = overdue(call, &what);
    if (status == RCACHE_OK)
        return CALL_NOTHING;
    call_end(call, status, what);
    return CALL_DONE;
}

void call_abandon(struct call *call) {
    call->caller = NULL;
    if (call->op->unsettled > 0 || RULE(freed_ops_give_their_refresh_up, true))
        call_end(call, RCACHE_E_CANCELED, "given up by its caller");
    else
        disarm(call);
    call_drop(call);
}

void call_close(struct call *call) {
    struct process *process = call->process;
    if (call->op->unsettled > 0)
        call_end(call, RCACHE_E_CLOSED, "the cache was closed");
    for (struct load *load; (load = engine_take_load(&process->engine, call->op, process_now_ms(process))) != NULL;)
        task_begin(process, load, NULL, NULL);
    if (call->op->refresh != NULL)
        task_begin(process, call->op->refresh, NULL, NULL);
    disarm(call);
    call->over = true;
    call_drop(call);
}

void call_drop(struct call *call) {
    list_remove(&call->live);
    op_drop(call->op);
}
