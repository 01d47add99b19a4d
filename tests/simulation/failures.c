/* failures: a call that fails needs a cause in the plan, and one that times out has to have had its time. */
#include "replica.h"
#include "resilicache.h"
#include "world.h"

#include <string.h>

static bool has_any(const struct plan *plan, const enum fault *faults, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (plan_has(plan, faults[i]))
            return true;
    return false;
}

bool connection_may_fail(const struct plan *plan) {
    static const enum fault causes[] = { FAULT_cut,   FAULT_blackhole, FAULT_stall, FAULT_failover, FAULT_restart,
                                         FAULT_pause, FAULT_spike,     FAULT_threads };
    return has_any(plan, causes, sizeof causes / sizeof causes[0]);
}

/* It is renewed, unless the transaction takes too long, and nobody else ends it. */
static bool update_may_be_lost(const struct world *world, const struct call *call) {
    static const enum fault causes[] = { FAULT_evict,  FAULT_flush, FAULT_time_step, FAULT_memory,
                                         FAULT_full,   FAULT_past,  FAULT_foreign,   FAULT_late };
    const struct plan *plan = &world->plan;
    int64_t lease_ms = call->op->lease_ms, held_ms = (call->loaded_us - call->loading_since_us) / 1000;
    return !plan_is_healthy(plan) || has_any(plan, causes, sizeof causes / sizeof causes[0]) ||
           plan->policy.wait_replicas > 0 || /* its unlocking stands behind what others wait for */
           plan->writers == WRITERS_MIXED || world->check.keys[call->keys[0]].set_us >= call->began_us ||
           lease_ms * 1000 < 60 * plan->latency_us + 25000 ||
           held_ms >= plan->policy.lock_expire_max_ms - lease_ms;
}

static bool lock_may_be_lost(const struct world *world, const struct call *call) {
    enum op_kind kind = call->op->kind;
    if (kind == OP_UPDATE)
        return update_may_be_lost(world, call);
    return kind == OP_RENEW || kind == OP_UNLOCK || (kind == OP_LOCK && !call->op->wait);
}

/* Time in the caller's own loaders does not count, where the option is what bounds it. */
static bool has_had_its_time(struct world *world, const struct call *call) {
    int64_t hard_ms = world->plan.policy.hard_timeout_ms;
    if (hard_ms > 0 && world->now_us - call->began_us >= hard_ms * 980 - 2000)
        return true;
    if (call->op->kind == OP_UPDATE && call->loads_begun > 0) /* what is left is the unlocking */
        return world->now_us - call->loaded_us >= world->plan.policy.deadline_ms * 980 - 3000;
    if (call->op->deadline_given)
        return process_now_ms(call->process) >= call->deadline_ms;
    int64_t spent_us = world->now_us - call->began_us - call->loading_us;
    int64_t slack_us = 1000 * (2 + (int64_t)call->loads_begun); /* each is measured in whole milliseconds */
    return call->loads == 0 && spent_us >= world->plan.policy.deadline_ms * 980 - slack_us;
}

static bool may_be_unconfirmed(struct world *world, const struct call *call) {
    enum op_kind kind = call->op->kind;
    bool confirmed = kind == OP_INVALIDATE || kind == OP_UNLOCK || kind == OP_UPDATE;
    return confirmed && world->plan.policy.wait_replicas > 0 && plan_has(&world->plan, FAULT_behind);
}

/* Where the key is to be found has been asked for op_timeout; for a fetch, perhaps by one that had begun before. */
static bool may_be_on_its_way(const struct world *world, const struct call *call) {
    bool asked = world->now_us - call->began_us >= world->plan.op_timeout_ms * 980 - 2000;
    return plan_has(&world->plan, FAULT_move) && (asked || call->op->kind == OP_FETCH);
}

/* Which no invalidation is newer than, but one that voids the load. */
static bool reads_primary(const struct call *call) {
    return call->op->kind == OP_FETCH && call->process->policy.on_outdated == ON_OUTDATED_RETRY;
}

/* Another writer came first. */
static bool is_too_late(const struct call *call) {
    const struct blob *message = call->op->slots[0].message;
    return call->op->kind == OP_UPDATE && (message == NULL || strstr(message->data, "too late") != NULL);
}

/* A fetch that may load past the cache does so, where not too many do already. */
static bool may_be_refused(const struct call *call, size_t i) {
    const struct blob *message = call->op->slots[i].message;
    return !call->op->may_load_past || (message != NULL && strstr(message->data, "down_loads_max") != NULL);
}

static bool has_cause(struct world *world, const struct call *call, size_t i) {
    const struct plan *plan = &world->plan;
    switch (call->op->slots[i].status) {
    case RCACHE_E_LOADER:
        return is_too_late(call) || plan_has(plan, FAULT_bad_load) || plan_has(plan, FAULT_memory) || world->ending;
    case RCACHE_E_TIMEOUT: return has_had_its_time(world, call) || may_be_unconfirmed(world, call);
    case RCACHE_E_CANCELED: return call->canceled || call->caller == NULL;
    case RCACHE_E_UNAVAILABLE: return connection_may_fail(plan) || may_be_on_its_way(world, call);
    case RCACHE_E_NOMEM: return plan_has(plan, FAULT_memory);
    case RCACHE_E_SERVER:
        return plan_has(plan, FAULT_full) && (may_be_refused(call, i) || plan_has(plan, FAULT_memory));
    case RCACHE_E_CLOSED: return !call->process->alive;
    case RCACHE_E_OUTDATED: return plan_has(plan, FAULT_versions) && !reads_primary(call);
    case RCACHE_E_LOST: return lock_may_be_lost(world, call);
    default: return false;
    }
}

/* Its peek saw a value that nothing has invalidated since, and that may be served if no newer one can be had. */
static void check_covered(struct world *world, const struct call *call, size_t i) {
    const struct record *record = &world->server.records[call->keys[i]];
    int64_t now_ms = server_now_ms(world), age_ms = (world->now_us - call->began_us) / 1000;
    if (call->op->strong || call->op->slots[i].status != RCACHE_E_LOADER || !plan_is_healthy(&world->plan) ||
        call->process->foreign || call->process->policy.disable_cache_read || world->ending)
        return;
    const struct blob *message = call->op->slots[i].message;
    if (message == NULL || strstr(message->data, "refused") != NULL)
        return; /* for good */
    bool seen = record->valued && !record->marked && replica_showed(world, record->stored_us, call->began_us);
    bool over = record->fresh_until_ms < now_ms - age_ms - 1;
    if (seen && over && now_ms + age_ms / 50 + 2 < record->fresh_until_ms + world->plan.policy.stale_if_error_ms)
        world_violate(world, "errors are covered: op %u failed, though the value of k%u could have been served",
                      call->number, call->keys[i]);
}

void check_failure(struct world *world, struct call *call, size_t i) {
    const struct slot *slot = &call->op->slots[i];
    if (world->probing || !has_cause(world, call, i))
        world_violate(world, "a failure has a cause: op %u says %s (%s) of k%u", call->number,
                      rcache_status_name(slot->status), slot->message != NULL ? slot->message->data : "no words",
                      call->keys[i]);
    check_covered(world, call, i);
}

void check_hands_over(struct world *world, const struct call *call) {
    const struct slot *slot = &call->op->slots[0];
    bool late = slot->status == RCACHE_E_TIMEOUT && slot->message != NULL && strstr(slot->message->data, "deadline");
    if (slot->settled && (slot->status == RCACHE_E_CANCELED || late))
        world_violate(world, "ended ops load nothing: op %u was handed a load afterwards", call->number);
}

void check_call_done(struct world *world, struct call *call) {
    check_call(world, call);
    for (size_t i = 0; i < call->op->count; i++)
        if (!call->op->slots[i].settled)
            world_violate(world, "done is done: op %u was DONE, but for k%u", call->number, call->keys[i]);
    if (call->over)
        world_violate(world, "DONE comes once: op %u was DONE twice", call->number);
}

void check_idle(struct world *world, struct process *process) {
    const struct engine *engine = &process->engine;
    if (engine->flights.count > 0)
        world_violate(world, "nothing is left behind: p%u still has %zu flights, with no op that waits for them",
                      process->number, engine->flights.count);
    else if (engine_due_ms(engine) != INT64_MAX)
        world_violate(world, "nothing is left behind: p%u still has a timer", process->number);
}
