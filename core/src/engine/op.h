/* op: what a caller asked for.  One slot a key; an op is done when every slot is settled.
 *
 * An op lives in two phases.  Private: its first requests (a peek, a set, ...) touch nothing that is shared, so that a
 * hit takes no lock.  Shared: what the first replies left open is entered into the engine, under the driver's lock. */
#ifndef RESILICACHE_ENGINE_OP_H
#define RESILICACHE_ENGINE_OP_H

#include "base/heap.h"
#include "base/random.h"
#include "engine/counters.h"
#include "engine/policy.h"
#include "engine/verbs.h"

enum op_kind {
    OP_FETCH,
    OP_GET,
    OP_SET,
    OP_INVALIDATE,
    OP_DELETE,
    OP_LOCK,
    OP_RENEW,
    OP_UNLOCK,
    OP_INSPECT,
    OP_UPDATE
};

struct flight;
struct load;
struct op;

enum timer_kind { TIMER_FLIGHT, TIMER_LOAD, TIMER_SLOT, TIMER_OP };

struct timer {
    struct heap_node node;
    enum timer_kind kind;
};

struct slot {
    struct op *op;
    struct request request;
    struct flight *flight;    /* the one that it waits for, or NULL */
    struct link_node waiting; /* in flight->waiting */
    uint64_t joined;          /* the engine's sequence number when it began to wait */
    struct blob *stale;       /* may be served if the load fails */
    int64_t stale_until;
    double luck;              /* xfetch_beta times an exponential random number */
    struct timer timer;       /* lock: when to ask again; fetch: when not to wait for a load any more */
    int64_t timed_since_ms;
    int64_t pause_ms;
    bool stale_absent;
    bool early;               /* its own peek saw a fresh value, and it asks whether it is to refresh that */
    bool settled;
    /* Once it is: */
    int32_t outcome;
    int32_t status;
    struct blob *value;
    struct blob *message;
    int64_t fence;            /* lock, update: of the lock; 0: none */
};

#define OP_LEFT (SIZE_MAX / 2 + 1) /* more than there can be replies */

struct op {
    _Atomic uint32_t owners; /* beside its handle: the private phase's requests together, each of the shared phase's */
    enum op_kind kind;
    bool strong;
    bool refresh_inline;
    bool raw;
    bool wait;
    bool intent;            /* lock, update: nobody is to get what is about to be replaced */
    bool may_load_past;     /* fetch: where no server answers */
    bool shared;            /* entered into the engine */
    bool deadline_given;    /* by the caller, not by the option */
    bool loads_apart;       /* its loader runs elsewhere, not where the op is waited for */
    bool tells_lost;        /* update: its lock is lost, which its caller has not been told yet */
    bool timed;             /* its deadline is a timer of the engine's; else its own thread looks at the clock */
    uint32_t route;
    size_t prefix_size;     /* of every key: what the caller didn't write */
    int64_t ttl_ms;         /* fetch, set */
    int64_t version;        /* set, invalidate; 0: unknown */
    int64_t early_ms;       /* fetch: a value that is fresh for no longer than this is refreshed */
    int64_t lease_ms;       /* lock, renew, update */
    _Atomic int64_t deadline_ms; /* on the monotonic clock */
    struct slice owner;
    size_t count;
    size_t unsettled;
    size_t acquiring;           /* flights it began whose lease is not decided yet */
    struct link_node owned;     /* flights it won and is to load now */
    struct link_node behind;    /* flights it won and is to load after it is done */
    struct load *load;          /* to be handed to the caller; taken by the driver */
    struct load *refresh;       /* the same, beside DONE */
    struct load *update;        /* update: from its lock to its unlocking */
    struct timer timer;         /* the deadline, for drivers that have no thread waiting */
    uint32_t loading;           /* loads that its caller has taken and not finished: */
    int64_t loading_since_ms;   /* meanwhile the option's deadline stands still, */
    int64_t paused_deadline_ms; /* at this, and deadline_ms is INT64_MAX */
    struct link_node awake;     /* in engine->awake */
    _Atomic size_t pending;     /* private phase: replies still due, and OP_LEFT once nobody waits for them */
    void *driver;               /* the driver's own; lies behind the slots, zero at first */
    struct slot slots[];        /* the bytes of keys and owner lie behind the driver's */
};

/* Key bytes are copied, each behind `prefix`.  NULL for want of memory.  Every size has been checked. */
struct op *op_new(enum op_kind kind, struct slice prefix, const char *keys, const uint32_t *key_sizes, size_t count,
                  struct slice owner, size_t driver_size);
struct op *op_hold(struct op *op);
void op_drop(struct op *op);

/* The keys as the caller wrote them. */
struct slice op_key(const struct op *op, size_t index);

/* Fills in every slot's first request, whose replies are `pending` then, if they are.  False: there is none to send, go
 * on with op_settle. */
bool op_prepare(struct op *op, const struct policy *policy, struct random *random);
/* After the last first reply: settles what it settles.  True: the op is done. */
bool op_settle(struct op *op, struct counters *counters);

/* A reply to a request of the op has come.  OF_ENGINE: the engine is to be told, and this goes on being its op. */
enum arrival { ARRIVAL_FIRST, ARRIVAL_LAST, ARRIVAL_OF_ENGINE };
enum arrival op_arrive(struct op *op);
/* The op has ended in its private phase: what still comes is the engine's.  True: nothing does. */
bool op_leave(struct op *op);

/* Message may be NULL; value and message become the slot's. */
void slot_settle(struct slot *slot, int32_t outcome, int32_t status, struct blob *value, struct blob *message);
/* A message made of text and key; NULL for want of memory, which is a message, too. */
void slot_fail(struct slot *slot, int32_t status, const char *what);
/* The value that its own peek saw is fresh. */
void slot_hit(struct slot *slot);
/* What a reply to the slot's own request settles.  False: it has to wait for more. */
bool slot_take_reply(struct slot *slot, struct counters *counters);

#endif
