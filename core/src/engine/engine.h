/* engine: decides what comes next for every op whose first replies left something open.
 *
 * It does no input or output, has no thread and reads no clock: it is told what happened (a reply, a finished load, a
 * changed key, that time has passed) and leaves what is to be done in two lists, `outgoing` and `awake`.  The driver
 * calls it under one lock and empties the lists after every call.
 *
 * The rules that it keeps are those of docs/protocol.md, "What may be returned". */
#ifndef RESILICACHE_ENGINE_ENGINE_H
#define RESILICACHE_ENGINE_ENGINE_H

#include "base/map.h"
#include "base/random.h"
#include "engine/op.h"
#include "engine/setbacks.h"

struct engine {
    const struct policy *policy;
    struct counters *counters;
    struct map flights;        /* by key, those that a caller may still join */
    struct setbacks setbacks;
    struct heap timers;
    struct random random;      /* jitter; seeded by the driver */
    uint64_t identity;         /* of this engine among all: the first half of every token */
    uint64_t tokens;           /* given out */
    uint32_t loads_past;       /* flights that load past the cache because no server answers */
    uint64_t sequence;         /* orders joining against sending */
    bool can_watch;            /* the backend reports changes of keys that it was asked to watch */
    struct link_node outgoing; /* requests to carry out */
    struct link_node awake;    /* ops that are done or have a load to hand over */
};

/* False for want of memory. */
bool engine_init(struct engine *engine, const struct policy *policy, struct counters *counters, uint64_t identity,
                 uint64_t seed);
void engine_clear(struct engine *engine);

/* The op's private phase is over and left slots unsettled. */
void engine_enter(struct engine *engine, struct op *op, int64_t now_ms);
/* The request's reply is filled in; the request is the engine's again.  Every request handed out comes back once. */
void engine_reply(struct engine *engine, struct request *request, int64_t now_ms);
/* Unsettled slots end with `status`; a load that was not taken yet is given up. */
void engine_end_op(struct engine *engine, struct op *op, int32_t status, const char *what, int64_t now_ms);
/* The same in the op's private phase. */
void engine_end_private(struct engine *engine, struct op *op, int32_t status, const char *what, int64_t now_ms);
/* The load that the op has to hand to its caller, who then has to finish it; NULL: none. */
struct load *engine_take_load(struct engine *engine, struct op *op, int64_t now_ms);
/* The caller has answered what it could. */
void engine_finish_load(struct engine *engine, struct load *load, int64_t now_ms);
/* A watched key has changed, or (key.data NULL) no watch can be relied upon any more. */
void engine_changed(struct engine *engine, struct slice key);
/* Runs the timers that are due. */
void engine_tick(struct engine *engine, int64_t now_ms);
/* When the next timer is due; INT64_MAX: none. */
int64_t engine_due_ms(const struct engine *engine);

/* Within the engine: */
void engine_send(struct engine *engine, struct request *request);
void engine_wake(struct engine *engine, struct op *op);
void engine_arm(struct engine *engine, struct timer *timer, int64_t due_ms);
void engine_disarm(struct engine *engine, struct timer *timer);

#endif
