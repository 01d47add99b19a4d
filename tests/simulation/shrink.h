/* shrink: what a run is limited to, and how a run in which a promise is broken is made as small as it gets. */
#ifndef RESILICACHE_TESTS_SHRINK_H
#define RESILICACHE_TESTS_SHRINK_H

#include "plan.h"

struct limits {
    uint32_t processes, callers, keys, deeds; /* at most */
    uint64_t faults;                          /* only these */
    uint64_t forced;                          /* these for certain */
    uint64_t variant;
    uint32_t skipped_deeds[PROCESSES_MAX * CALLERS_MAX];
    uint32_t skipped_strikes;
};

void limits_init(struct limits *limits);
/* False: the option is none of them.  What makes no sense ends the program with words. */
bool limits_read(struct limits *limits, const char *option, const char *text);
void limits_apply(const struct limits *limits, struct plan *plan);
/* As options, each behind a space. */
void limits_print(const struct limits *limits);

/* In words, for the head of a trace. */
void plan_print(const struct plan *plan);

struct world;
/* Tightens *limits as long as the run of `seed` still breaks the promise that it broke. */
void shrink(struct world *world, uint64_t seed, struct limits *limits);

#endif
