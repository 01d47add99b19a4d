/* process: a program that uses the library: the engine as it is shipped, and a driver in the manner of
 * runtime/cache.c, whose locks, threads and wakes are moments of the schedule here. */
#ifndef RESILICACHE_TESTS_PROCESS_H
#define RESILICACHE_TESTS_PROCESS_H

#include "caller.h"
#include "cluster.h"
#include "engine/engine.h"
#include "engine/session.h"
#include "event.h"
#include "link.h"
#include "runtime/topology.h"

enum { SHARED_LINKS = 2, PLACE_WATCH = SHARED_LINKS, PLACE_CONFIRM, PLACE_REPLICA, LINKS };

struct process {
    struct world *world;
    uint32_t number;
    bool alive;
    uint32_t life;
    struct engine engine;
    struct counters counters;
    struct policy policy;
    struct session session;
    uint32_t written[KEYS_MAX]; /* the newest version that was acknowledged to one of its callers */
    struct random random; /* as the runtime has one for each call */
    bool foreign;
    uint64_t epoch;     /* of the primary, as far as it knows; 0: it doesn't */
    int64_t born_us;
    int64_t born_ms;    /* what its clock said then */
    int64_t drift_ppm;
    int64_t skew_ms;    /* of its clock of the day, which has no part in anything */
    int64_t paused_us;  /* until then it does nothing */
    struct topology topology; /* where there is a cluster: as it is shipped */
    _Atomic bool closed, replaced;
    struct event map_timer;
    struct link links[MEMBERS_MAX][LINKS];
    struct event timer; /* the service thread: the engine's timers */
    struct event birth;
    struct link_node batches; /* requests that a thread is about to send */
    struct link_node tasks;
    struct link_node calls;
    struct caller callers[CALLERS_MAX];
};

bool process_init(struct world *world, uint32_t number);
/* It is killed.  What it has is given back as by a close, but nothing of it is sent. */
void process_close(struct world *world, struct process *process);
/* As the topology knows that server; NULL: not yet, or there is no cluster. */
const struct node *process_node(const struct process *process, uint32_t member);
int64_t process_now_ms(const struct process *process);
/* The event is put off while the process is paused.  True: it was. */
bool process_puts_off(struct process *process, struct event *event);
/* How long a thread takes to get on. */
int64_t process_thread_us(struct process *process);

/* Calls into the engine lie between these two; the second carries out what the engine wants. */
void process_enter(struct process *process);
void process_leave(struct process *process);

/* The op's first requests are on their way. */
void process_submit(struct process *process, struct op *op);
/* Requests whose replies are in go to their ops and to the engine. */
void process_dispatch(struct process *process, struct link_node *done);
void process_changed(struct process *process, struct slice key);

#endif
