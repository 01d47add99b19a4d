#include "plan.h"

#include "cluster.h"
#include "dice.h"

#include <string.h>

static const char *const NAMES[] = {
#define FAULT_NAME(name) #name,
    FAULTS(FAULT_NAME)
#undef FAULT_NAME
};

const char *fault_name(enum fault fault) {
    return NAMES[fault];
}

enum fault fault_named(const char *name, size_t size) {
    unsigned fault = 0;
    while (fault < FAULT_COUNT && !(strlen(NAMES[fault]) == size && memcmp(NAMES[fault], name, size) == 0))
        fault++;
    return (enum fault)fault;
}

bool plan_is_healthy(const struct plan *plan) {
    static const enum fault harmful[] = { FAULT_cut,    FAULT_blackhole, FAULT_stall, FAULT_pause,   FAULT_kill,
                                          FAULT_flush,  FAULT_failover,  FAULT_evict, FAULT_restart, FAULT_time_step,
                                          FAULT_spike,  FAULT_memory,    FAULT_full,  FAULT_threads,
                                          FAULT_behind, FAULT_move };
    for (size_t i = 0; i < sizeof harmful / sizeof harmful[0]; i++)
        if (plan_has(plan, harmful[i]))
            return false;
    return true;
}

/* Not all faults at once: what one of them hides another one shows (Groce et al. 2012, "Swarm testing"). */
static uint64_t draw_faults(struct random *dice) {
    static const uint32_t shares[] = { 0, 60, 150, 300, 500 };
    uint32_t share = dice_pick(dice, shares);
    uint64_t faults = 0;
    for (unsigned fault = 0; fault < FAULT_COUNT; fault++)
        if (dice_chance(dice, share))
            faults |= fault_bit(fault);
    if (dice_chance(dice, 800)) /* these take what is promised away */
        faults &= ~(fault_bit(FAULT_lag) | fault_bit(FAULT_past) | fault_bit(FAULT_foreign));
    return faults;
}

static void draw_policy(struct policy *policy, int64_t lease_ms, struct random *dice) {
    const int64_t delays[] = { 0, lease_ms / 2, lease_ms * 2, lease_ms * 8 };
    const int64_t longest[] = { lease_ms, lease_ms * 3, lease_ms * 10 };
    const int64_t sleeps[] = { 2, 10, 50 };
    const int64_t deadlines[] = { lease_ms, lease_ms * 3, lease_ms * 10, lease_ms * 30 };
    const int64_t empty[] = { 0, lease_ms * 5 };
    static const enum server_down without_server[] = { SERVER_DOWN_EVENTUAL, SERVER_DOWN_EVENTUAL, SERVER_DOWN_FAIL,
                                                       SERVER_DOWN_LOAD };
    static const enum on_outdated outdated[] = { ON_OUTDATED_RETRY, ON_OUTDATED_RETRY, ON_OUTDATED_GIVE_UP };
    const int64_t settles[] = { lease_ms / 2, lease_ms, lease_ms * 4 };
    static const uint32_t loads_past[] = { 0, 1, 64 };
    static const double earlies[] = { 0, 0.2, 0.8 }, betas[] = { 0, 1, 5 };
    const int64_t timeouts[] = { 0, lease_ms / 4, lease_ms, lease_ms * 2 };
    const int64_t pauses[] = { lease_ms / 2, lease_ms };
    const int64_t windows[] = { 0, lease_ms, lease_ms * 4, lease_ms * 20 };
    *policy = (struct policy){ .delay_ms = dice_pick(dice, delays),
                               .empty_expire_ms = dice_pick(dice, empty),
                               .settle_ms = dice_pick(dice, settles),
                               .lock_expire_ms = lease_ms,
                               .lock_expire_max_ms = dice_pick(dice, longest),
                               .lock_sleep_ms = dice_pick(dice, sleeps),
                               .deadline_ms = dice_pick(dice, deadlines),
                               .stale_while_revalidate_ms = dice_pick(dice, windows),
                               .stale_if_error_ms = dice_pick(dice, windows),
                               .soft_timeout_ms = dice_pick(dice, timeouts),
                               .hard_timeout_ms = dice_pick(dice, timeouts),
                               .retry_after_ms = dice_pick(dice, pauses),
                               .retry_after_max_ms = lease_ms * 4,
                               .retry_after_shared = dice_chance(dice, 700),
                               .early = dice_pick(dice, earlies),
                               .xfetch_beta = dice_pick(dice, betas),
                               .random_expire_adjustment = 0.1,
                               .server_down = dice_pick(dice, without_server),
                               .down_loads_max = dice_pick(dice, loads_past),
                               .on_outdated = dice_pick(dice, outdated) };
}

static void draw_replica(struct plan *plan, int64_t lease_ms, struct random *dice) {
    const int64_t lags[] = { plan->latency_us, plan->latency_us * 4, lease_ms * 300 };
    const int64_t waits[] = { lease_ms, lease_ms * 4 };
    plan->lag_us = dice_pick(dice, lags);
    plan->policy.wait_replicas = dice_chance(dice, 250);
    plan->policy.wait_replicas_timeout_ms = dice_pick(dice, waits);
    plan->trust = plan->policy.wait_replicas > 0 && dice_chance(dice, 500);
    plan->replica_reads = !plan->trust && dice_chance(dice, 250);
    plan->session = !plan->replica_reads && dice_chance(dice, 300);
    if (plan->trust) { /* no set and no deletion waits for replicas */
        plan->faults &= ~(fault_bit(FAULT_foreign) | fault_bit(FAULT_raw));
        plan->writers = plan->writers == WRITERS_LOCK ? WRITERS_LOCK : WRITERS_INVALIDATE;
    }
}

void plan_make_cluster(struct plan *plan, uint32_t members) {
    plan->members = members;
    plan->policy.wait_replicas = 0;
    plan->trust = plan->replica_reads = false;
    plan->faults &= ~(fault_bit(FAULT_behind));
}

void plan_draw(struct plan *plan, uint64_t seed) {
    static const int64_t leases[] = { 15, 40, 120, 400 };
    static const int64_t latencies[] = { 50, 200, 800 };
    static const uint32_t shares[] = { 0, 300, 700, 1000 };
    struct random dice = dice_for(seed, 0, 0);
    int64_t lease_ms = dice_pick(&dice, leases);
    const int64_t timeouts[] = { lease_ms, lease_ms * 4 };
    const int64_t ttls[] = { lease_ms, lease_ms * 4, lease_ms * 100 };
    const int64_t loads[] = { 200, 2000, lease_ms * 300 };
    *plan = (struct plan){ .seed = seed };
    draw_policy(&plan->policy, lease_ms, &dice);
    plan->processes = 1 + (uint32_t)dice_below(&dice, PROCESSES_MAX);
    plan->callers = 1 + (uint32_t)dice_below(&dice, CALLERS_MAX);
    plan->keys = 1 + (uint32_t)dice_below(&dice, 3);
    plan->deeds = 2 + (uint32_t)dice_below(&dice, DEEDS_MAX - 1);
    plan->strikes = (uint32_t)dice_below(&dice, STRIKES_MAX + 1);
    plan->faults = draw_faults(&dice);
    plan->writers = (enum writers)dice_below(&dice, WRITERS_MIXED + 1);
    plan->watch = dice_chance(&dice, 500);
    plan->strong_share = dice_pick(&dice, shares);
    plan->write_share = 100 + (uint32_t)dice_below(&dice, 400);
    plan->inline_share = dice_pick(&dice, shares);
    plan->queue_share = dice_pick(&dice, shares);
    plan->absent_share = dice_chance(&dice, 300) ? 200 : 0;
    plan->op_timeout_ms = dice_pick(&dice, timeouts);
    plan->ttl_ms = dice_pick(&dice, ttls);
    plan->latency_us = dice_pick(&dice, latencies);
    plan->load_us = dice_pick(&dice, loads);
    draw_replica(plan, lease_ms, &dice);
    plan->members = 1;
    if (plan->policy.wait_replicas == 0 && !plan->replica_reads && dice_chance(&dice, 500))
        plan_make_cluster(plan, 2 + (uint32_t)dice_below(&dice, MEMBERS_MAX - 1));
    plan->faults &= ~(fault_bit(FAULT_move));
    if (plan->members > 1 && dice_chance(&dice, 600))
        plan->faults |= fault_bit(FAULT_move);
    plan->horizon_us = (int64_t)plan->deeds * lease_ms * 600;
}
