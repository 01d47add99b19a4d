/* waiting: nobody waits for himself; and while nothing goes wrong, nobody waits for long for what is there already: a
 * fresh value, a lease that nobody holds, or, for eventual readers, a value that may still be served. */
#include "replica.h"
#include "world.h"

/* For a few messages each way; where the server can't tell of changes, for a look now and then. */
static int64_t patience_us(const struct world *world, const struct process *process) {
    bool told = process->engine.can_watch && world->plan.watch;
    int64_t lag_us = world->plan.replica_reads ? 2 * world->plan.lag_us : 0;
    return 60 * world->plan.latency_us + 25000 + lag_us + (told ? 0 : world->plan.policy.lock_sleep_ms * 1100);
}

static bool is_held(const struct world *world, const struct record *record, int64_t patience) {
    return record->holder.size > 0 && record->holder.until_ms > server_now_ms(world) - patience / 1000;
}

static bool is_fresh(const struct world *world, uint32_t key) {
    const struct record *record = &world->server.records[key];
    bool held = record->holder.size > 0 && !record->holder.refresh;
    uint64_t epoch = world->plan.trust ? 0 : server_epoch(world, key);
    return record->valued && !record->marked && !held && record->epoch == epoch &&
           record->fresh_until_ms > server_now_ms(world);
}

static void check_flight(struct world *world, const struct process *process, const struct flight *flight) {
    uint32_t key = key_number(flight->node.key);
    const struct record *record = &world->server.records[key];
    int64_t patience = patience_us(world, process);
    if (flight->state != FLIGHT_WAITING || list_empty(&flight->waiting) ||
        world->now_us - record->settled_us < patience)
        return;
    if (is_fresh(world, key))
        world_violate(world, "waiters are woken: p%u waits for k%u, which has long been fresh", process->number, key);
    else if (!is_held(world, record, patience))
        world_violate(world, "waiters are woken: p%u waits for k%u, whose lease has long ended", process->number, key);
}

/* The value that the script has shown to the flight is still there, and could be served for a while, and still can. */
static bool may_be_served(struct world *world, const struct flight *flight, int64_t patience) {
    const struct record *record = &world->server.records[key_number(flight->node.key)];
    const struct source *source = check_source_of(world, flight->stale);
    if (source == NULL || record->source != (uint32_t)(source - world->check.sources) + 1 || !record->marked)
        return false;
    int64_t until_ms = record->marked_ms + world->plan.policy.delay_ms;
    if (record->fresh_until_ms < until_ms - world->plan.policy.stale_while_revalidate_ms)
        until_ms = record->fresh_until_ms + world->plan.policy.stale_while_revalidate_ms;
    if (record->served_until_ms < until_ms)
        until_ms = record->served_until_ms;
    return world->now_us - record->settled_us >= patience && until_ms > server_now_ms(world) + patience / 1000;
}

/* Its peek saw a value whose time was over, and nothing has invalidated it since. */
static void check_lapsed(struct world *world, const struct call *call, size_t i, int64_t patience) {
    const struct record *record = &world->server.records[call->keys[i]];
    const struct slot *slot = &call->op->slots[i];
    int64_t over_ms = server_now_ms(world) - record->fresh_until_ms;
    bool kept = record->valued && !record->marked && replica_showed(world, record->stored_us, call->began_us) &&
                record->epoch == (world->plan.trust ? 0 : server_epoch(world, call->keys[i]));
    bool loads = slot->flight->initiator == slot || slot->flight->state == FLIGHT_PUTTING; /* inline */
    if (kept && !loads && over_ms + patience / 1000 < world->plan.policy.stale_while_revalidate_ms)
        world_violate(world, "eventual readers don't wait: op %u waits for k%u, which has only lapsed", call->number,
                      call->keys[i]);
}

static void check_reader(struct world *world, const struct call *call) {
    const struct op *op = call->op;
    int64_t patience = patience_us(world, call->process);
    if (op->kind != OP_FETCH || op->strong || !op->shared || world->now_us - call->began_us < patience)
        return;
    for (size_t i = 0; i < op->count; i++) {
        const struct slot *slot = &op->slots[i];
        const struct flight *flight = slot->flight;
        if (slot->settled || flight == NULL || slot->request.reply.verdict != VERDICT_UNFRESH)
            continue;
        if (slot->request.reply.lapsed)
            check_lapsed(world, call, i, patience);
        bool loads = flight->initiator == slot || flight->state == FLIGHT_PUTTING; /* inline */
        if (!loads && may_be_served(world, flight, patience))
            world_violate(world, "eventual readers don't wait: op %u waits for k%u, whose old value may be served",
                          call->number, call->keys[i]);
    }
}

/* Not for longer than hard_timeout; nor than soft_timeout for what its peek saw and stale_if_error allows. */
static void check_load_waited_for(struct world *world, const struct call *call, const struct slot *slot) {
    const struct flight *flight = slot->flight;
    const struct policy *policy = &world->plan.policy;
    const struct reply *reply = &slot->request.reply;
    if (flight == NULL || flight->state != FLIGHT_LOADING || (flight->load->op == call->op && !call->queue))
        return;
    int64_t now_ms = process_now_ms(call->process);
    int64_t began_ms = call->process->born_ms > flight->load->began_ms ? 0 : flight->load->began_ms;
    int64_t since_ms = slot->timed_since_ms > began_ms ? slot->timed_since_ms : began_ms;
    int64_t waited_ms = now_ms - since_ms - 2;
    int64_t left_ms = slot->request.sent_ms + reply->fresh_ms + policy->stale_if_error_ms - now_ms;
    bool covered = !call->op->strong && reply->lapsed && left_ms > 0;
    if (policy->hard_timeout_ms > 0 && waited_ms > policy->hard_timeout_ms)
        world_violate(world, "timeouts: op %u waits for a load for longer than hard_timeout", call->number);
    else if (policy->soft_timeout_ms > 0 && covered && waited_ms > policy->soft_timeout_ms)
        world_violate(world, "timeouts: op %u waits for a load for longer than soft_timeout", call->number);
}

/* A refresh is handed over when its op is done: what waits for it and for which it waits never ends.  Where a load is
 * to be taken first, that is looked for when it is. */
static void check_circle(struct world *world, const struct call *call) {
    const struct op *op = call->op;
    for (size_t i = 0; op->load == NULL && i < op->count; i++) {
        const struct flight *flight = op->slots[i].flight;
        if (flight != NULL && flight->load != NULL && flight->load == op->refresh)
            world_violate(world, "nobody waits for himself: op %u waits for k%u, which it will refresh when it is done",
                          call->number, call->keys[i]);
    }
}

void check_waiting(struct world *world, struct process *process) {
    for (struct link_node *node = process->calls.next; node != &process->calls; node = node->next)
        check_circle(world, list_entry(node, struct call, live));
    if (!plan_is_healthy(&world->plan) || process->policy.disable_cache_read || process->foreign)
        return;
    const struct map *flights = &process->engine.flights;
    for (size_t i = 0; flights->count > 0 && i < flights->bucket_count; i++)
        for (struct map_node *node = flights->buckets[i]; node != NULL; node = node->next)
            check_flight(world, process, list_entry(node, struct flight, node));
    for (struct link_node *node = process->calls.next; node != &process->calls; node = node->next) {
        const struct call *call = list_entry(node, struct call, live);
        check_reader(world, call);
        for (size_t i = 0; i < call->op->count; i++)
            check_load_waited_for(world, call, &call->op->slots[i]);
    }
}
