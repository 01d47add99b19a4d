/* load: the right and duty to produce values for some keys, and the leases that give it. */
#ifndef RESILICACHE_ENGINE_LOAD_H
#define RESILICACHE_ENGINE_LOAD_H

#include "engine/flight.h"

enum answer_kind { ANSWER_NONE, ANSWER_VALUE, ANSWER_ABSENT, ANSWER_FAILED, ANSWER_REFUSED /* failed for good */ };

struct load_item {
    struct flight *flight;
    size_t position;      /* of the key in the op's arrays */
    enum answer_kind answer;
    struct blob *value;   /* or the message of a failure */
    int64_t ttl_ms;
    int64_t version; /* 0: unknown */
};

struct load {
    struct op *op;           /* an owner of it: for keys and ttl */
    void *driver;            /* the driver's own */
    struct timer timer;      /* the next renewal */
    int64_t began_ms;
    _Atomic uint32_t wanted; /* leases that still can store */
    bool behind;
    bool primary;            /* an earlier load of one of its keys brought an older version than was known */
    bool renewing; /* update: the renewal is under way; the next two as well */
    bool finished;
    int64_t lease_end_ms;
    size_t count;
    struct load_item items[];
};

/* Turns the op's won flights into loads and wakes it. */
void load_hand_over(struct engine *engine, struct op *op, int64_t now_ms);
/* The op's refresh is loaded within it if a part of the op waits for that, as where a key comes twice: it would be
 * handed over only when nothing waits any more. */
void load_come_forward(struct engine *engine, struct op *op);
/* The load was never taken: as if it had not been. */
void load_give_up(struct engine *engine, struct load *load, int64_t now_ms);
void load_timer(struct engine *engine, struct load *load, int64_t now_ms);
/* Frees it; its flights are no longer its own. */
void load_free(struct load *load);

#endif
