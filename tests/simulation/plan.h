/* plan: what a run is made of, all of it drawn from its seed: how many processes, which options, which faults. */
#ifndef RESILICACHE_TESTS_PLAN_H
#define RESILICACHE_TESTS_PLAN_H

#include "engine/policy.h"

#include <stddef.h>

/* Those of the first list strike at moments of the schedule, those of the second all the time. */
#define FAULTS(X)                                                                                                    \
    X(cut)        /* a connection breaks: commands are not carried out, replies are lost */                          \
    X(blackhole)  /* a connection falls silent, and nobody is told */                                                \
    X(stall)      /* the server does nothing for a while */                                                          \
    X(pause)      /* a process is stopped for a while */                                                             \
    X(kill)       /* a process is killed; another one begins in its place */                                         \
    X(evict)      /* the server drops a key */                                                                       \
    X(flush)      /* the server drops all keys */                                                                    \
    X(failover)   /* a replica takes over that lacks the last writes */                                              \
    X(restart)    /* the server goes down and comes back empty, or as it was */                                      \
    X(time_step)  /* the server's clock is set forward or back */                                                    \
    X(behind)     /* the replica gets nothing for a while */                                                         \
    X(move)       /* a slot goes from one server of a cluster to another */                                          \
    X(forget)     /* a server forgets its scripts */                                                                 \
    X(late)       /* what a broken connection had swallowed is carried out after all */                              \
    X(spike)      /* some messages are slow */                                                                       \
    X(drift)      /* the clocks of processes run fast or slow */                                                     \
    X(slow_load)  /* loaders outlast leases */                                                                       \
    X(bad_load)   /* loaders fail, forget keys, throw their load away */                                             \
    X(memory)     /* processes have no memory now and then */                                                        \
    X(full)       /* the server refuses to write now and then */                                                     \
    X(cancel)     /* callers cancel their ops */                                                                     \
    X(abandon)    /* callers free ops that are not done */                                                           \
    X(silent)     /* writers don't invalidate what they committed */                                                 \
    X(lag)        /* loaders read a replica of the database that is behind */                                        \
    X(foreign)    /* one process tells no epoch, as another kind of client */                                        \
    X(past)       /* one process reads past the cache: disable_cache_read */                                         \
    X(raw)        /* somebody puts values in by raw_set, past all leases */                                          \
    X(threads)    /* threads are held up between any two steps */                                                    \
    X(windows)    /* values may be served when their time is over */                                                 \
    X(pauses)     /* what could not be loaded is not loaded again for a while */                                     \
    X(timeouts)   /* callers wait for loads of their process for a while only */                                     \
    X(early)      /* values are loaded anew before their time is over */                                             \
    X(versions)   /* loaders and writers tell the versions of rows */                                                \
    X(settle)     /* what is loaded shortly after an invalidation is not kept for long */

enum fault {
#define FAULT_NUMBER(name) FAULT_##name,
    FAULTS(FAULT_NUMBER)
#undef FAULT_NUMBER
    FAULT_COUNT,
    FAULT_STRIKES = FAULT_late /* those before it strike */
};

/* How the keys are written. */
enum writers {
    WRITERS_INVALIDATE, /* commit, invalidate */
    WRITERS_LOCK,       /* lock, commit, unlock or set */
    WRITERS_SET,        /* in turns: commit, set */
    WRITERS_MIXED       /* some lock, some invalidate, some delete */
};

enum { PROCESSES_MAX = 4, CALLERS_MAX = 4, KEYS_MAX = 4, DEEDS_MAX = 16, STRIKES_MAX = 16 };

struct plan {
    uint64_t seed;
    uint64_t variant; /* of what is not in the plan: how long messages, threads and loaders take */
    uint32_t members; /* of the cluster; 1: there is none */
    uint32_t processes;
    uint32_t callers; /* of each process */
    uint32_t keys;
    uint32_t deeds;   /* of each caller */
    uint32_t strikes;
    uint64_t faults;  /* bits */
    uint32_t skipped_deeds[PROCESSES_MAX * CALLERS_MAX]; /* bits */
    uint32_t skipped_strikes;                            /* bits */
    struct policy policy;
    enum writers writers;
    bool watch;            /* the server tells of changed keys */
    bool trust;            /* no epochs, failover=trust: but what a replica has confirmed is not lost */
    bool session;           /* eventual readers see what their own process has written */
    bool replica_reads;    /* eventual readers look at the replica */
    int64_t lag_us;        /* of the replica, when all is well */
    uint32_t strong_share; /* per mille of all fetches; so are the next */
    uint32_t write_share;
    uint32_t inline_share;
    uint32_t queue_share;
    uint32_t absent_share; /* of all rows */
    int64_t op_timeout_ms;
    int64_t ttl_ms;
    int64_t latency_us;
    int64_t load_us;
    int64_t horizon_us; /* faults and new deeds end here */
};

_Static_assert(FAULT_COUNT <= 64, "a bit for each fault");

static inline uint64_t fault_bit(unsigned fault) {
    return (uint64_t)1 << fault;
}

static inline bool plan_has(const struct plan *plan, enum fault fault) {
    return (plan->faults & fault_bit(fault)) != 0;
}

/* Whether any fault is there that keeps a healthy process from the server for a while. */
bool plan_is_healthy(const struct plan *plan);
void plan_draw(struct plan *plan, uint64_t seed);
/* So many servers, and none of what needs one with a replica to look at. */
void plan_make_cluster(struct plan *plan, uint32_t members);
const char *fault_name(enum fault fault);
/* FAULT_COUNT: no such name. */
enum fault fault_named(const char *name, size_t size);

#endif
