/* world: one run.  A clock that only events move, and all that there is: server, database, network, processes.
 *
 * Nothing in it depends on anything but its plan: no clock, thread, socket or address has a part in what happens. */
#ifndef RESILICACHE_TESTS_WORLD_H
#define RESILICACHE_TESTS_WORLD_H

#include "base/heap.h"
#include "check.h"
#include "database.h"
#include "dice.h"
#include "network.h"
#include "plan.h"
#include "process.h"
#include "runtime/settings.h"
#include "server.h"
#include "strikes.h"

#include <stdio.h>

enum telling { TELL_NOTHING, TELL_PRINT, TELL_DIGEST };

struct world {
    struct plan plan;
    int64_t now_us;
    uint64_t step;       /* orders what happens at one time */
    struct heap events;
    uint64_t event_count;
    uint32_t ops;        /* begun */
    struct random latency, threads, loaders, luck, peeks;
    bool calm;           /* the faults are over */
    bool probing;        /* everything has to work */
    bool ending;         /* processes are only closed any more */
    struct settings settings; /* what of them a topology looks at */
    struct server server;
    struct database database;
    struct network network;
    struct process processes[PROCESSES_MAX];
    struct strikes strikes;
    struct check check;
    enum telling telling;
    uint64_t digest;     /* of all that was told */
    char violation[320]; /* "": none */
};

/* Runs the plan from beginning to end.  False: violation says which promise was broken. */
bool world_run(struct world *world, const struct plan *plan, enum telling telling);

/* `run` is called at that time, or now where it has passed; an event that is due already is moved. */
void world_at(struct world *world, struct event *event, int64_t due_us, event_run *run);
void world_cancel(struct world *world, struct event *event);

/* The first violation counts; the run ends. */
__attribute__((format(printf, 2, 3))) void world_violate(struct world *world, const char *format, ...);
__attribute__((format(printf, 2, 3))) void world_tell(struct world *world, const char *format, ...);

/* The fault may happen now. */
static inline bool world_has(const struct world *world, enum fault fault) {
    return !world->calm && plan_has(&world->plan, fault);
}

/* A line of the trace. */
#define tell(world, ...)                                                                                             \
    do {                                                                                                             \
        if ((world)->telling != TELL_NOTHING)                                                                        \
            world_tell(world, __VA_ARGS__);                                                                          \
    } while (0)

#endif
