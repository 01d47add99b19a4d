#include "strikes.h"

#include "replica.h"
#include "world.h"

static struct process *some_process(struct world *world, struct random *dice) {
    return &world->processes[dice_below(dice, world->plan.processes)];
}

/* Rather one by which something is on its way. */
static void cut_link(struct world *world, struct random *dice, bool silent) {
    struct process *process;
    struct link *link;
    for (int tries = 0; tries < 8; tries++) {
        process = some_process(world, dice);
        link = &process->links[dice_below(dice, world->plan.members)][dice_below(dice, LINKS)];
        if (link->connection != NULL && connection_oldest(link->connection) != NULL)
            break;
    }
    if (!process->alive || link->connection == NULL)
        return;
    tell(world, "a connection of p%u %s", process->number, silent ? "falls silent" : "breaks");
    connection_cut(world, link->connection, silent);
}

static void pause(struct world *world, struct random *dice, int64_t us) {
    struct process *process = some_process(world, dice);
    tell(world, "p%u is stopped for %lld us", process->number, (long long)us);
    if (world->now_us + us > process->paused_us)
        process->paused_us = world->now_us + us;
}

static void kill(struct world *world, struct random *dice, int64_t us) {
    struct process *process = some_process(world, dice);
    if (!process->alive)
        return;
    tell(world, "p%u is killed", process->number);
    process_close(world, process);
    world_at(world, &process->birth, world->now_us + us, process->birth.run);
}

static void replace_server(struct world *world, struct random *dice, bool restart, int64_t us) {
    static const int64_t shifts_ms[] = { 0, 0, 3, -3, 100, -100 };
    bool empty = restart && dice_chance(dice, 500);
    bool confirmed = world->plan.policy.wait_replicas > 0; /* then it is that replica, and no other, that takes over */
    uint32_t lost = confirmed ? replica_lacks(&world->server) : (uint32_t)dice_below(dice, CHANGES_MAX);
    lost = restart ? 0 : lost;
    uint32_t member = cluster_bystander(world, dice);
    if (member == MEMBERS_MAX)
        return;
    server_set_clock(world, restart ? 0 : dice_pick(dice, shifts_ms));
    if (restart || world->plan.members == 1)
        server_replace(world, member, lost, empty, us);
    else
        cluster_fail_over(world, dice, lost, us);
}

static void step_time(struct world *world, struct random *dice, int64_t lease_ms) {
    int64_t ms = dice_between(dice, -2 * lease_ms, 2 * lease_ms);
    tell(world, "the server's clock is set by %lld ms", (long long)ms);
    server_set_clock(world, ms);
}

static void stall(struct world *world, uint32_t member, int64_t us) {
    tell(world, "server %u does nothing for %lld us", member, (long long)us);
    world->server.members[member].stalled_us = world->now_us + us;
}

static void strike(struct world *world, struct event *event) {
    struct strike *strike = event_owner(event, struct strike, event);
    struct random *dice = &strike->dice;
    int64_t lease_ms = world->plan.policy.lock_expire_ms;
    const int64_t most_us[] = { 1000, lease_ms * 1000, lease_ms * 4000 };
    int64_t us = dice_between(dice, 1, dice_pick(dice, most_us));
    if (world->calm)
        return;
    switch (strike->fault) {
    case FAULT_cut: cut_link(world, dice, false); return;
    case FAULT_blackhole: cut_link(world, dice, true); return;
    case FAULT_stall:
        stall(world, (uint32_t)dice_below(dice, world->plan.members), us);
        return;
    case FAULT_pause: pause(world, dice, us); return;
    case FAULT_kill: kill(world, dice, us); return;
    case FAULT_evict: server_evict(world, (uint32_t)dice_below(dice, world->plan.keys)); return;
    case FAULT_flush:
        for (uint32_t key = 0; key < world->plan.keys; key++)
            server_evict(world, key);
        return;
    case FAULT_failover: replace_server(world, dice, false, us); return;
    case FAULT_restart: replace_server(world, dice, true, us); return;
    case FAULT_behind:
        tell(world, "the replica gets nothing for %lld us", (long long)us);
        replica_fall_behind(world, world->now_us + us);
        return;
    case FAULT_time_step: step_time(world, dice, lease_ms); return;
    case FAULT_move: cluster_move(world, dice); return;
    case FAULT_forget:
        world->server.members[dice_below(dice, world->plan.members)].scripts = 0;
        return;
    default: return;
    }
}

static void revive(struct world *world, struct member *member) {
    member->stalled_us = 0;
    if (!member->up)
        world_at(world, &member->back, world->now_us, member->back.run);
}

/* From here on everything works, and nothing new is begun. */
static void end_faults(struct world *world, struct event *event) {
    (void)event;
    tell(world, "---- all faults end");
    world->calm = true;
    for (uint32_t i = 0; i < world->plan.members; i++)
        revive(world, &world->server.members[i]);
    cluster_hurry(world);
    replica_fall_behind(world, 0);
    network_tell_broken(world);
    for (uint32_t i = 0; i < world->plan.processes; i++) {
        struct process *process = &world->processes[i];
        if (!process->alive)
            world_at(world, &process->birth, world->now_us, process->birth.run);
    }
}

void strikes_init(struct world *world) {
    const struct plan *plan = &world->plan;
    struct strikes *strikes = &world->strikes;
    enum fault kinds[FAULT_STRIKES];
    size_t count = 0;
    for (unsigned fault = 0; fault < FAULT_STRIKES; fault++)
        if (plan_has(plan, (enum fault)fault))
            kinds[count++] = (enum fault)fault;
    for (uint32_t i = 0; i < plan->strikes && count > 0; i++) {
        struct strike *each = &strikes->all[i];
        struct random dice = dice_for(plan->seed, 200, i);
        *each = (struct strike){ .number = i, .fault = kinds[dice_below(&dice, count)] };
        int64_t due_us = dice_between(&dice, 0, plan->horizon_us);
        each->dice = dice;
        if ((plan->skipped_strikes >> i & 1) == 0)
            world_at(world, &each->event, due_us, strike);
    }
    strikes->end = (struct event){ .run = end_faults };
    world_at(world, &strikes->end, plan->horizon_us, end_faults);
}
