#include "caller.h"

#include "resilicache.h"
#include "world.h"

#include <string.h>

static struct world *world_of(const struct caller *caller) {
    return caller->process->world;
}

static void after(struct caller *caller, int64_t us) {
    world_at(world_of(caller), &caller->event, world_of(caller)->now_us + us, caller->event.run);
}

static void go_on(struct caller *caller, enum stage stage, int64_t us) {
    caller->stage = stage;
    after(caller, us);
}

/* ---- beginning an op ---- */

static struct blob *value_of(struct world *world, const struct caller *caller, uint32_t i) {
    const struct content content = { caller->deed.keys[i], caller->versions[i],
                                     check_source(world, caller->deed.keys[i], caller->versions[i], false, 0) };
    return blob_copy(&content, sizeof content);
}

static struct beginning beginning_of(struct caller *caller, enum op_kind kind) {
    const struct deed *deed = &caller->deed;
    struct world *world = world_of(caller);
    struct beginning begin = { .kind = kind,
                               .count = kind == OP_UPDATE ? 1 : deed->count,
                               .strong = deed->strong,
                               .refresh_inline = deed->refresh_inline,
                               .wait = deed->wait,
                               .intent = deed->intent && (kind == OP_LOCK || kind == OP_UPDATE),
                               .raw = deed->kind == DEED_RAW_SET,
                               .queue = deed->queue,
                               .ttl_ms = world->plan.ttl_ms,
                               .lease_ms = deed->lease_ms,
                               .deadline_ms = deed->deadline_ms,
                               .owner = "" };
    bool locks = kind == OP_UPDATE || kind == OP_LOCK || kind == OP_RENEW || kind == OP_UNLOCK;
    bool writes = kind == OP_INVALIDATE || kind == OP_UNLOCK || kind == OP_DELETE || kind == OP_SET;
    if (locks)
        begin.owner = caller->owner;
    for (uint32_t i = 0; i < begin.count; i++) {
        begin.keys[i] = deed->keys[i];
        begin.writes[i] = writes && !begin.raw ? caller->writes[i] : 0;
        if (writes && world_has(world, FAULT_versions) && deed->count == 1 && kind != OP_DELETE && kind != OP_UNLOCK)
            begin.version = caller->versions[i];
        if (kind == OP_SET)
            begin.values[i] = value_of(world, caller, i);
    }
    return begin;
}

static const char *op_name(enum op_kind kind) {
    static const char *const names[] = { "fetch", "get", "set", "invalidate", "delete", "lock", "renew", "unlock",
                                         "inspect", "update" };
    return names[kind];
}

static void tell_op(const struct caller *caller, const struct beginning *begin) {
    char keys[16] = "";
    for (uint32_t i = 0; i < begin->count; i++)
        snprintf(keys + 3 * (size_t)i, 4, " k%u", begin->keys[i]);
    const char *mode = begin->kind != OP_FETCH ? "" : begin->strong ? "strong " : "eventual ";
    const char *how = begin->kind == OP_FETCH && begin->refresh_inline ? ", inline"
                      : begin->raw                                     ? ", raw"
                      : begin->kind == OP_LOCK && begin->wait          ? ", waiting"
                                                                       : "";
    tell(world_of(caller), "p%u caller %u begins op %u: %s%s%s%s%s, by %s, deadline %lld ms", caller->process->number,
         caller->number, world_of(caller)->ops + 1, mode, op_name(begin->kind), keys, how,
         begin->intent ? ", with an intent" : "", begin->queue ? "queue" : "thread", (long long)begin->deadline_ms);
}

static void end_deed(struct caller *caller);
static void told(struct caller *caller, bool ok);

static void begin_op(struct caller *caller, enum op_kind kind) {
    struct world *world = world_of(caller);
    struct beginning begin = beginning_of(caller, kind);
    tell_op(caller, &begin);
    caller->call = NULL;
    struct call *call = call_begin(caller->process, caller, &begin);
    if (call == NULL) {
        told(caller, false);
        return;
    }
    caller->call = call;
    if (caller->deed.leave_us > 0)
        world_at(world, &caller->leave, world->now_us + caller->deed.leave_us, caller->leave.run);
    caller_wake(caller);
}

/* ---- a deed, stage by stage ---- */

static void end_turns(struct caller *caller) {
    for (uint32_t key = 0; key < KEYS_MAX; key++)
        if ((caller->turns >> key & 1) != 0)
            world_of(caller)->database.rows[key].taken = false;
    caller->turns = 0;
}

static bool take_turns(struct caller *caller) {
    const struct deed *deed = &caller->deed;
    struct world *world = world_of(caller);
    if (world->plan.writers != WRITERS_SET)
        return true;
    for (uint32_t i = 0; i < deed->count; i++) {
        struct row *row = &world->database.rows[deed->keys[i]];
        bool own = (caller->turns >> deed->keys[i] & 1) != 0;
        if (row->taken && !own)
            return false;
        row->taken = true;
        caller->turns |= 1u << deed->keys[i];
    }
    return true;
}

static void end_deed(struct caller *caller) {
    for (uint32_t i = 0; i < caller->deed.count; i++)
        check_write_over(world_of(caller), caller->writes[i]);
    end_turns(caller);
    go_on(caller, STAGE_NEXT, 0);
}

/* In one transaction: all its rows, or none. */
static bool is_fenced_off(const struct caller *caller) {
    const struct deed *deed = &caller->deed;
    for (uint32_t i = 0; deed->kind == DEED_LOCK && i < deed->count; i++)
        if (!database_takes(&world_of(caller)->database, deed->keys[i], caller->fences[i]))
            return true;
    return false;
}

static void commit_rows(struct caller *caller) {
    struct world *world = world_of(caller);
    const struct deed *deed = &caller->deed;
    bool locks = deed->kind == DEED_LOCK;
    for (uint32_t i = 0; i < deed->count; i++) {
        caller->versions[i] = database_commit(world, deed->keys[i]);
        caller->writes[i] = check_write(world, deed->keys[i], caller->versions[i],
                                        slice_of_text(locks ? caller->owner : ""));
        tell(world, "p%u caller %u commits v%u of k%u%s", caller->process->number, caller->number,
             caller->versions[i], deed->keys[i],
             world->database.rows[deed->keys[i]].absent[caller->versions[i]] ? ", which is gone" : "");
        if (!locks)
            continue;
        check_fenced_commit(world, deed->keys[i], caller->fences[i]);
        world->database.rows[deed->keys[i]].fence = caller->fences[i];
    }
}

static void commit(struct caller *caller) {
    struct world *world = world_of(caller);
    const struct deed *deed = &caller->deed;
    caller->refused = is_fenced_off(caller);
    if (caller->refused)
        tell(world, "p%u caller %u is refused by the database", caller->process->number, caller->number);
    else
        commit_rows(caller);
    caller->tries = deed->tries;
    if (deed->silent && plan_has(&world->plan, FAULT_silent))
        end_deed(caller);
    else
        go_on(caller, deed->kind == DEED_LOCK && deed->renews ? STAGE_RENEW : STAGE_REPORT, deed->think_us);
}

/* A row that is gone can't be set. */
static bool can_set(const struct caller *caller) {
    const struct deed *deed = &caller->deed;
    for (uint32_t i = 0; i < deed->count; i++) {
        if (world_of(caller)->database.rows[deed->keys[i]].absent[caller->versions[i]])
            return false;
        for (uint32_t j = 0; j < i; j++)
            if (deed->keys[i] == deed->keys[j])
                return false;
    }
    return true;
}

static void report(struct caller *caller) {
    const struct deed *deed = &caller->deed;
    const struct plan *plan = &world_of(caller)->plan; /* as a set needs it: docs/guarantees.md */
    bool all_lock = plan->writers == WRITERS_LOCK && !plan->trust;
    bool sets = deed->kind == DEED_SET || deed->kind == DEED_RAW_SET;
    sets = sets || (all_lock && deed->kind == DEED_LOCK && deed->sets && !caller->refused);
    caller->tries--;
    if (sets && can_set(caller))
        begin_op(caller, OP_SET);
    else if (deed->kind == DEED_LOCK)
        begin_op(caller, OP_UNLOCK);
    else
        begin_op(caller, deed->kind == DEED_DELETE ? OP_DELETE : OP_INVALIDATE);
}

static void begin_deed(struct caller *caller) {
    const struct deed *deed = &caller->deed;
    snprintf(caller->owner, sizeof caller->owner, "writer p%uc%ud%u", caller->process->number, caller->number,
             caller->deeds);
    memset(caller->writes, 0, sizeof caller->writes);
    switch (deed->kind) {
    case DEED_FETCH: begin_op(caller, OP_FETCH); return;
    case DEED_GET: begin_op(caller, OP_GET); return;
    case DEED_LOCK: begin_op(caller, OP_LOCK); return;
    case DEED_UPDATE: begin_op(caller, OP_UPDATE); return;
    case DEED_INVALIDATE:
    case DEED_DELETE:
    case DEED_SET:
    case DEED_RAW_SET:
        if (take_turns(caller))
            commit(caller);
        else
            end_deed(caller);
        return;
    }
}

/* Its op is DONE, or could not be begun. */
static void told(struct caller *caller, bool ok) {
    const struct deed *deed = &caller->deed;
    switch (caller->stage) {
    case STAGE_FIRST:
        if (deed->kind == DEED_LOCK && ok)
            go_on(caller, STAGE_COMMIT, deed->think_us);
        else
            end_deed(caller);
        return;
    case STAGE_RENEW:
        go_on(caller, STAGE_REPORT, deed->think_us);
        return;
    case STAGE_REPORT:
        if (!ok && caller->tries > 0 && caller->turns == 0)
            go_on(caller, STAGE_REPORT, deed->think_us / 2 + 1);
        else
            end_deed(caller);
        return;
    case STAGE_NEXT:
    case STAGE_COMMIT:
        end_deed(caller);
        return;
    }
}

static void next_stage(struct caller *caller) {
    switch (caller->stage) {
    case STAGE_NEXT:
        caller->idle = !deed_next(caller);
        if (!caller->idle)
            go_on(caller, STAGE_FIRST, caller->deed.gap_us);
        return;
    case STAGE_FIRST: begin_deed(caller); return;
    case STAGE_COMMIT: commit(caller); return;
    case STAGE_RENEW: begin_op(caller, OP_RENEW); return;
    case STAGE_REPORT: report(caller); return;
    }
}

/* ---- waiting for an op ---- */

static bool all_ok(const struct op *op) {
    for (size_t i = 0; i < op->count; i++)
        if (op->slots[i].status != RCACHE_OK)
            return false;
    return true;
}

/* Where a key comes twice, it was locked twice, in any order: the last lock counts. */
static void take_fences(struct caller *caller, const struct op *op) {
    for (size_t i = 0; i < op->count; i++) {
        caller->fences[i] = 0;
        for (size_t j = 0; j < op->count; j++)
            if (caller->deed.keys[j] == caller->deed.keys[i] && op->slots[j].fence > caller->fences[i])
                caller->fences[i] = op->slots[j].fence;
    }
}

/* As abi/session.c. */
static void note_written(struct process *process, const struct call *call) {
    for (size_t i = 0; i < call->op->count; i++) {
        uint32_t number = call->writes[i], key = call->keys[i];
        if (number == 0 || call->op->slots[i].status != RCACHE_OK)
            continue;
        uint32_t version = process->world->check.writes[number - 1].version;
        process->written[key] = version > process->written[key] ? version : process->written[key];
        session_note(&process->session, key_slice(key), &process->policy, process_now_ms(process));
    }
}

static void done(struct caller *caller) {
    struct call *call = caller->call;
    if (call->op->kind == OP_LOCK)
        take_fences(caller, call->op);
    check_call_done(world_of(caller), call);
    call->over = true;
    caller->call = NULL;
    note_written(caller->process, call);
    world_cancel(world_of(caller), &caller->leave);
    if (call->op->refresh != NULL)
        task_begin(caller->process, call->op->refresh, NULL, NULL);
    bool ok = all_ok(call->op);
    call_drop(call);
    told(caller, ok);
}

static void sleep_until_overdue(struct caller *caller) {
    const struct call *call = caller->call;
    if (call->queue)
        return;
    int64_t left_ms = call->op->deadline_ms - process_now_ms(caller->process);
    after(caller, (left_ms > 0 ? left_ms : 0) * 1000 + process_thread_us(caller->process));
}

static void wait_on(struct caller *caller) {
    struct load *load;
    switch (call_look(caller->call, &load)) {
    case CALL_DONE: done(caller); return;
    case CALL_LOAD:
        check_hands_over(world_of(caller), caller->call);
        task_begin(caller->process, load, caller->call, caller->call->queue ? NULL : caller);
        if (caller->call->news)
            caller_wake(caller);
        return;
    case CALL_NOTHING: sleep_until_overdue(caller); return;
    }
}

static void run(struct world *world, struct event *event) {
    (void)world;
    struct caller *caller = event_owner(event, struct caller, event);
    if (!caller->process->alive || caller->task != NULL || process_puts_off(caller->process, event))
        return;
    if (caller->call != NULL)
        wait_on(caller);
    else
        next_stage(caller);
}

static void leave(struct world *world, struct event *event) {
    struct caller *caller = event_owner(event, struct caller, leave);
    struct call *call = caller->call;
    if (call == NULL || process_puts_off(caller->process, event))
        return;
    if (!caller->deed.frees) {
        tell(world, "p%u caller %u cancels op %u", caller->process->number, caller->number, call->number);
        call->canceled = true;
        call_news(call);
    } else if (caller->task == NULL) { /* its own thread is in the loader else */
        tell(world, "p%u caller %u frees op %u", caller->process->number, caller->number, call->number);
        caller->call = NULL;
        world_cancel(world, &caller->event);
        call_abandon(call);
        told(caller, false);
    }
}

void caller_wake(struct caller *caller) {
    struct world *world = world_of(caller);
    int64_t due_us = world->now_us + process_thread_us(caller->process);
    if (caller->task == NULL && !(caller->event.node.queued && caller->event.node.due <= due_us))
        world_at(world, &caller->event, due_us, caller->event.run);
}

void caller_init(struct caller *caller, struct process *process, uint32_t number) {
    *caller = (struct caller){ .process = process, .number = number };
    caller->event.run = run;
    caller->leave.run = leave;
}

void caller_close(struct caller *caller) {
    world_cancel(world_of(caller), &caller->event);
    world_cancel(world_of(caller), &caller->leave);
    for (uint32_t i = 0; i < caller->deed.count; i++)
        check_write_over(world_of(caller), caller->writes[i]);
    end_turns(caller);
    if (caller->call != NULL)
        caller->call->caller = NULL;
    caller->call = NULL;
    caller->task = NULL;
    caller->stage = STAGE_NEXT;
}

void caller_probe(struct caller *caller, uint32_t key, bool strong) {
    caller->deed = (struct deed){ .kind = DEED_FETCH, .keys = { key }, .count = 1, .strong = strong,
                                  .deadline_ms = 1000 };
    caller->stage = STAGE_FIRST;
    begin_op(caller, OP_FETCH);
}
