#include "world.h"

#include "base/hash.h"
#include "memory.h"

#include <stdarg.h>
#include <string.h>

enum { EVENTS_MAX = 400000 };

/* ---- events ---- */

void world_at(struct world *world, struct event *event, int64_t due_us, event_run *run) {
    event->run = run;
    heap_set(&world->events, &event->node, due_us > world->now_us ? due_us : world->now_us);
}

void world_cancel(struct world *world, struct event *event) {
    heap_remove(&world->events, &event->node);
}

static bool broken(const struct world *world) {
    return world->violation[0] != '\0';
}

/* Runs what is due until then, or until `done` holds.  False: it never did, or a promise was broken. */
static bool run_until(struct world *world, int64_t until_us, bool (*done)(const struct world *)) {
    struct heap_node *first;
    while (!broken(world) && !(done != NULL && done(world))) {
        first = heap_first(&world->events);
        if (first == NULL || first->due > until_us) {
            world->now_us = until_us > world->now_us ? until_us : world->now_us;
            return done == NULL;
        }
        heap_remove(&world->events, first);
        world->now_us = first->due;
        struct event *event = list_entry(first, struct event, node);
        event->run(world, event);
        if (++world->event_count > EVENTS_MAX)
            world_violate(world, "no end: %d events", EVENTS_MAX);
    }
    return !broken(world);
}

/* ---- what is told ---- */

void world_tell(struct world *world, const char *format, ...) {
    char line[400];
    int size = snprintf(line, sizeof line, "%10.3f  ", (double)world->now_us / 1000);
    va_list arguments;
    va_start(arguments, format);
    size += vsnprintf(line + size, sizeof line - (size_t)size, format, arguments);
    va_end(arguments);
    size_t length = (size_t)size < sizeof line ? (size_t)size : sizeof line - 1;
    world->digest = hash64(line, length, world->digest);
    if (world->telling == TELL_PRINT)
        puts(line);
}

void world_violate(struct world *world, const char *format, ...) {
    if (broken(world))
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world->violation, sizeof world->violation, format, arguments);
    va_end(arguments);
    tell(world, "VIOLATED: %s", world->violation);
}

/* ---- a run ---- */

static bool all_idle(const struct world *world) {
    if (!world->calm)
        return false;
    for (uint32_t i = 0; i < world->plan.processes; i++) {
        const struct process *process = &world->processes[i];
        if (!process->alive || !list_empty(&process->tasks))
            return false;
        for (uint32_t j = 0; j < world->plan.callers; j++)
            if (!process->callers[j].idle || process->callers[j].call != NULL)
                return false;
    }
    return true;
}

static void tell_stuck(struct world *world) {
    for (uint32_t i = 0; i < world->plan.processes; i++) {
        struct process *process = &world->processes[i];
        for (struct link_node *node = process->calls.next; node != &process->calls; node = node->next) {
            const struct call *call = list_entry(node, struct call, live);
            world_violate(world, "every op ends: op %u of p%u has not, long after its deadline", call->number, i);
        }
    }
    world_violate(world, "every op ends: somebody still works, long after the last fault");
}

/* Each process reads each key once more, and what is left of all that went wrong has to end. */
static void probe(struct world *world, bool strong) {
    for (uint32_t i = 0; i < world->plan.processes; i++)
        for (uint32_t key = 0; key < world->plan.keys; key++) {
            struct caller *caller = &world->processes[i].callers[0];
            if (broken(world))
                return;
            caller->idle = false;
            caller_probe(caller, key, strong);
            if (!run_until(world, world->now_us + 20000000, all_idle))
                tell_stuck(world);
        }
}

static void run(struct world *world) {
    const struct policy *policy = &world->plan.policy;
    int64_t lease_us = policy->lock_expire_ms * 1000;
    if (!run_until(world, world->plan.horizon_us + 600 * lease_us, all_idle)) {
        tell_stuck(world);
        return;
    }
    tell(world, "---- all callers are through; leases and locks end");
    if (!run_until(world, world->now_us + 20 * lease_us + 1000000, NULL))
        return;
    for (uint32_t i = 0; i < world->plan.processes; i++)
        check_idle(world, &world->processes[i]);
    tell(world, "---- everything has to work");
    world->probing = true;
    probe(world, true);
    probe(world, false);
    if (!run_until(world, world->now_us + 20 * lease_us + 1000000, NULL))
        return;
    for (uint32_t i = 0; i < world->plan.processes; i++)
        check_idle(world, &world->processes[i]);
}

static bool init(struct world *world, const struct plan *plan, enum telling telling) {
    memset(world, 0, offsetof(struct world, network));
    memset(&world->processes, 0, sizeof world->processes);
    world->plan = *plan;
    if (!plan_has(plan, FAULT_windows))
        world->plan.policy.stale_while_revalidate_ms = world->plan.policy.stale_if_error_ms = 0;
    struct policy *policy = &world->plan.policy;
    if (!plan_has(plan, FAULT_settle))
        policy->settle_ms = 0;
    if (!plan_has(plan, FAULT_early))
        policy->early = policy->xfetch_beta = 0;
    if (!plan_has(plan, FAULT_timeouts))
        policy->soft_timeout_ms = policy->hard_timeout_ms = 0;
    if (policy->hard_timeout_ms > 0 && policy->soft_timeout_ms > policy->hard_timeout_ms)
        policy->soft_timeout_ms = policy->hard_timeout_ms;
    if (!plan_has(plan, FAULT_pauses))
        world->plan.policy.retry_after_ms = 0;
    static char first_host[] = "s0";
    world->settings.endpoint = (struct endpoint){ .scheme = SCHEME_CLUSTER, .first = { first_host, 1 } };
    world->settings.op_timeout_ms = plan->op_timeout_ms;
    world->settings.topology_refresh_ms = 20 * policy->lock_expire_ms;
    world->telling = telling;
    world->digest = 0;
    world->violation[0] = '\0';
    world->latency = dice_for(plan->seed, 1, plan->variant);
    world->threads = dice_for(plan->seed, 2, plan->variant);
    world->loaders = dice_for(plan->seed, 3, plan->variant);
    world->luck = dice_for(plan->seed, 4, plan->variant);
    world->peeks = dice_for(plan->seed, 5, plan->variant);
    network_init(&world->network);
    database_init(&world->database);
    check_init(&world->check);
    if (!server_init(world))
        return false;
    for (uint32_t i = 0; i < plan->processes; i++)
        process_init(world, i);
    strikes_init(world);
    return true;
}

bool world_run(struct world *world, const struct plan *plan, enum telling telling) {
    int64_t before = memory_live();
    if (!init(world, plan, telling)) {
        world_violate(world, "no memory to begin with");
        return false;
    }
    run(world);
    world->ending = true;
    for (uint32_t i = 0; i < plan->processes; i++)
        process_close(world, &world->processes[i]);
    network_clear(world);
    server_clear(world);
    if (memory_live() != before)
        world_violate(world, "nothing leaks: %lld allocations were not freed", (long long)(memory_live() - before));
    return !broken(world);
}
