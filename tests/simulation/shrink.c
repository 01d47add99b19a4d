#include "shrink.h"

#include "world.h"

#include <stdlib.h>
#include <string.h>

enum { VARIANTS = 64 };

/* A violation is the same one if it begins with the same words, up to the colon. */
struct search {
    struct world *world;
    uint64_t seed;
    char kind[80];
    struct limits best;
    uint32_t tried;
};

static bool breaks(struct search *search, const struct limits *limits) {
    struct plan plan;
    plan_draw(&plan, search->seed);
    limits_apply(limits, &plan);
    search->tried++;
    if (world_run(search->world, &plan, TELL_NOTHING))
        return false;
    return strncmp(search->world->violation, search->kind, strlen(search->kind)) == 0;
}

/* What was left out moves all that comes after it: other lengths of messages may be needed to meet it again. */
static bool improves(struct search *search, struct limits limits) {
    for (uint64_t i = 0; i < VARIANTS; i++) {
        limits.variant = i == 0 ? search->best.variant : i;
        if (breaks(search, &limits)) {
            search->best = limits;
            return true;
        }
    }
    return false;
}

static bool lower(struct search *search, size_t offset, uint32_t from, uint32_t to) {
    for (uint32_t value = to; value < from; value++) {
        struct limits limits = search->best;
        memcpy((char *)&limits + offset, &value, sizeof value);
        if (improves(search, limits))
            return true;
    }
    return false;
}

static bool drop_faults(struct search *search, uint64_t faults) {
    bool any = false;
    for (unsigned fault = 0; fault < FAULT_COUNT; fault++) {
        struct limits limits = search->best;
        limits.faults = limits.faults & faults & ~(fault_bit(fault));
        if ((search->best.faults & faults & fault_bit(fault)) != 0 && improves(search, limits))
            any = true;
    }
    return any;
}

static bool skip_strikes(struct search *search, uint32_t strikes) {
    bool any = false;
    for (unsigned i = 0; i < strikes; i++) {
        struct limits limits = search->best;
        limits.skipped_strikes |= 1u << i;
        if (limits.skipped_strikes != search->best.skipped_strikes && improves(search, limits))
            any = true;
    }
    return any;
}

static bool skip_callers(struct search *search, const struct plan *plan) {
    bool any = false;
    for (unsigned process = 0; process < plan->processes; process++)
        for (unsigned i = 0; i < plan->callers; i++) {
            struct limits limits = search->best;
            uint32_t *skipped = &limits.skipped_deeds[process * CALLERS_MAX + i], all = (1u << DEEDS_MAX) - 1;
            if (*skipped == all)
                continue;
            *skipped = all;
            any = improves(search, limits) || any;
        }
    return any;
}

static bool skip_deeds(struct search *search, const struct plan *plan) {
    bool any = false;
    for (unsigned process = 0; process < plan->processes; process++)
        for (unsigned i = 0; i < plan->callers * plan->deeds; i++) {
            struct limits limits = search->best;
            uint32_t *skipped = &limits.skipped_deeds[process * CALLERS_MAX + i / plan->deeds];
            uint32_t bit = 1u << i % plan->deeds;
            if ((*skipped & bit) != 0)
                continue;
            *skipped |= bit;
            any = improves(search, limits) || any;
        }
    return any;
}

void shrink(struct world *world, uint64_t seed, struct limits *limits) {
    struct search search = { .world = world, .seed = seed, .best = *limits };
    snprintf(search.kind, sizeof search.kind, "%.*s", (int)strcspn(world->violation, ":"), world->violation);
    for (bool any = true; any;) {
        struct plan plan;
        plan_draw(&plan, seed);
        limits_apply(&search.best, &plan);
        any = drop_faults(&search, plan.faults);
        any = lower(&search, offsetof(struct limits, processes), plan.processes, 1) || any;
        any = lower(&search, offsetof(struct limits, callers), plan.callers, 1) || any;
        any = lower(&search, offsetof(struct limits, keys), plan.keys, 1) || any;
        any = lower(&search, offsetof(struct limits, deeds), plan.deeds, 1) || any;
        any = skip_callers(&search, &plan) || any;
        any = skip_strikes(&search, plan.strikes) || any;
        plan_draw(&plan, seed);
        limits_apply(&search.best, &plan);
        any = skip_deeds(&search, &plan) || any;
    }
    breaks(&search, &search.best);
    printf("Smallest of %u runs: %s\n", search.tried, world->violation);
    *limits = search.best;
}
