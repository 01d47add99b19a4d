/* outdated: loads that brought an older version of the row than is known, as from a lagging replica of the database. */
#include "engine/flight.h"

#include "base/rule.h"
#include "resilicache.h"

enum { LOADS_MORE = 2 };

static bool may_load_again(const struct engine *engine, const struct flight *flight) {
    bool wanted = engine->policy->on_outdated == ON_OUTDATED_RETRY && !list_empty(&flight->waiting);
    return RULE(outdated_loads_go_again, wanted && flight->outdated <= LOADS_MORE);
}

void flight_outdated(struct engine *engine, struct flight *flight, int64_t now_ms) {
    engine->counters->loads_lost++;
    engine->counters->loads_outdated++;
    flight->outdated++;
    struct blob *value = flight->answer;
    flight->answer = NULL;
    if (may_load_again(engine, flight)) { /* the lease is still ours */
        flight_won(engine, flight, now_ms);
        flight_hand_over(engine, flight, now_ms);
    } else {
        flight_fail_strong(engine, flight, RCACHE_E_OUTDATED, "what was loaded is older than a version that is known");
        flight_release(engine, flight, RELEASE_UNUSED);
        flight_deliver(engine, flight,
                       &(struct delivery){ .outcome = flight->answered_absent ? RCACHE_ABSENT : RCACHE_STALE,
                                           .value = value,
                                           .eventual_before = flight->loaded },
                       now_ms);
    }
    blob_drop(value);
}
