/* search: every state that can be reached, breadth first, and what is wrong in them. */
#ifndef RESILICACHE_TESTS_MODEL_SEARCH_H
#define RESILICACHE_TESTS_MODEL_SEARCH_H

#include "model/breach.h"
#include "model/protocols.h"

#include <stdint.h>

struct findings {
    uint64_t states;
    bool exhaustive;
    uint64_t counts[BREACHES]; /* steps that are, or states that show, the breach */
    enum breach first;         /* the one that fewest steps lead to, */
    uint32_t steps;            /* how many, */
    char *trace;               /* and what they are, one a line; NULL: nothing is wrong.  The caller's, from malloc */
};

/* states_max bounds the memory.  `briefly`: ends with the first thing that is wrong. */
struct findings search(const struct setup *setup, uint64_t states_max, bool briefly);

#endif
