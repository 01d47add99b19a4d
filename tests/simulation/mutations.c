/* mutations: every rule is switched off in turn, and the simulation has to notice.
 *
 *   simulation_mutations [--runs N] [NAME...]
 *
 * Exits with 1 if a rule was off for so many runs and no promise was broken: the checks are too weak then. */
#include "mutation.h"

#include "shrink.h"
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum mutation mutation_off;

static struct world world;

static const struct {
    const char *name;
    const char *faults;
} RULES[] = {
    { "none", "" },
#define MUTATION_ROW(name, faults) { #name, faults },
    MUTATIONS(MUTATION_ROW)
#undef MUTATION_ROW
};

/* The runs that it took; 0: not noticed. */
static uint64_t notice(enum mutation mutation, uint64_t runs) {
    struct limits limits;
    limits_init(&limits);
    limits_read(&limits, "--with", RULES[mutation].faults);
    if (limits.forced != 0)
        limits.faults = limits.forced;
    mutation_off = mutation;
    uint64_t seed = 1;
    for (bool holds = true; holds && seed <= runs; seed++) {
        struct plan plan;
        plan_draw(&plan, seed);
        limits_apply(&limits, &plan);
        holds = world_run(&world, &plan, TELL_NOTHING);
    }
    mutation_off = MUTATION_none;
    return world.violation[0] != '\0' ? seed - 1 : 0;
}

static bool show(enum mutation mutation, uint64_t runs) {
    uint64_t seed = notice(mutation, runs);
    if (seed == 0)
        printf("%-40s NOT NOTICED in %" PRIu64 " runs\n", RULES[mutation].name, runs);
    else
        printf("%-40s by seed %5" PRIu64 "%s%s: %s\n", RULES[mutation].name, seed,
               RULES[mutation].faults[0] != '\0' ? " with " : "", RULES[mutation].faults, world.violation);
    return seed > 0;
}

static enum mutation mutation_named(const char *name) {
    unsigned mutation = MUTATION_none + 1;
    while (mutation < MUTATION_COUNT && strcmp(RULES[mutation].name, name) != 0)
        mutation++;
    if (mutation == MUTATION_COUNT) {
        fprintf(stderr, "simulation_mutations: there is no rule '%s'\n", name);
        exit(2);
    }
    return (enum mutation)mutation;
}

int main(int count, char **words) {
    uint64_t runs = 40000;
    bool all = true, noticed = true;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--runs") == 0 && i + 1 < count) {
            runs = strtoull(words[++i], NULL, 10);
            continue;
        }
        noticed = show(mutation_named(words[i]), runs) && noticed;
        all = false;
    }
    for (unsigned mutation = MUTATION_none + 1; all && mutation < MUTATION_COUNT; mutation++)
        noticed = show((enum mutation)mutation, runs) && noticed;
    return noticed ? 0 : 1;
}
