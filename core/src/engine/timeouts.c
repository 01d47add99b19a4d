/* timeouts: how long a caller waits for a load of its own process.  The load goes on, whoever has left it. */
#include "engine/load.h"

#include "base/rule.h"
#include "resilicache.h"

/* Who runs the loader himself can't leave it. */
static bool can_leave(const struct slot *slot, const struct load *load) {
    return slot->op != load->op || slot->op->loads_apart;
}

void flight_time(struct engine *engine, const struct flight *flight, struct slot *slot, int64_t now_ms) {
    const struct policy *policy = engine->policy;
    int64_t first_ms = policy->soft_timeout_ms > 0 ? policy->soft_timeout_ms : policy->hard_timeout_ms;
    if (first_ms == 0 || !can_leave(slot, flight->load))
        return;
    slot->timed_since_ms = now_ms;
    engine_arm(engine, &slot->timer, now_ms + first_ms);
}

void flight_slot_timer(struct engine *engine, struct slot *slot, int64_t now_ms) {
    const struct policy *policy = engine->policy;
    const struct flight *flight = slot->flight;
    if (flight == NULL || flight->state != FLIGHT_LOADING)
        return; /* it has ended, and its value is on the way */
    int64_t hard_ms = policy->hard_timeout_ms, waited_ms = now_ms - slot->timed_since_ms;
    bool soft = policy->soft_timeout_ms > 0 && waited_ms >= policy->soft_timeout_ms;
    bool hard = hard_ms > 0 && RULE(hard_timeouts_end_waiting, waited_ms >= hard_ms);
    if ((hard || RULE(soft_timeouts_serve, soft)) && flight_cover(engine, slot, now_ms)) {
        if (hard)
            engine->counters->hard_timeouts++;
        else
            engine->counters->soft_timeouts++;
        return;
    }
    if (hard) {
        engine->counters->hard_timeouts++;
        flight_fail_slot(engine, slot, RCACHE_E_TIMEOUT, "its load takes longer than hard_timeout, and goes on");
    } else if (hard_ms > waited_ms) {
        engine_arm(engine, &slot->timer, slot->timed_since_ms + hard_ms);
    }
}
