/* strikes: the faults that come at moments of the schedule, and the end of all faults. */
#ifndef RESILICACHE_TESTS_STRIKES_H
#define RESILICACHE_TESTS_STRIKES_H

#include "dice.h"
#include "event.h"
#include "plan.h"

struct strike {
    struct event event;
    uint32_t number;
    enum fault fault;
    struct random dice;
};

struct strikes {
    struct strike all[STRIKES_MAX];
    struct event end;
};

void strikes_init(struct world *world);

#endif
