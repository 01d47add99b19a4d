/* check: what was promised (docs/guarantees.md), held against what happens.
 *
 * Every value tells where it comes from: its version in the database, and its *source*, the load or the set that made
 * it.  A fetch that begins notes what must not be missing from its answer; when its answer is there, it is compared. */
#ifndef RESILICACHE_TESTS_CHECK_H
#define RESILICACHE_TESTS_CHECK_H

#include "engine/load.h"
#include "plan.h"

enum { SOURCES_MAX = 2048, GRANTS_MAX = 2048, WRITES_MAX = 1024, FENCES_MAX = 2048 };

struct world;
struct process;
struct message;
struct call;

struct source {
    uint32_t key;
    uint32_t version;
    bool foreign;      /* stored by who tells no epoch */
    uint64_t began;    /* the step at which its load was handed out, or at which the server carried its set out */
    int64_t fresh_until_ms; /* by the server's clock; INT64_MAX: as long as its entry lives, 0: not stored yet */
    int64_t marked_us; /* the last time that it ceased to be fresh; 0: it has not */
    bool raw;          /* put in by raw_set */
    int64_t excused_us; /* the last time that it was given out by a replica, or, being invalidated by nothing, while the
                           key was locked or raw_set had put it beside a lease; 0: never */
};

/* A lease that the server has granted. */
struct granted {
    struct slice owner;
    char text[64];
    uint64_t began;    /* its load was handed out; 0: not yet */
    int64_t granted_us;
    int64_t failed_us; /* its load brought nothing; 0: it did, or is still running */
    bool running;
};

/* What a value carries. */
struct content {
    uint32_t key, version, source;
};

struct write {
    uint32_t key, version;
    uint64_t executed; /* the step at which the server first carried it out; 0: not yet */
    bool over;          /* its writer's turn has ended */
    bool held;          /* when it unlocked, the lock was its own; */
    bool resent;        /* or that was sent twice */
    bool locks;         /* its writer locks, */
    uint32_t lock;      /* by this lock; 0: it had ended when it committed */
    uint32_t replacements;
};

/* What a lock was granted with. */
struct fence {
    uint32_t key;
    uint32_t lock; /* its number among all */
    int64_t fence;
};

struct check {
    uint32_t source_count, grant_count, write_count, fence_count;
    struct {
        uint32_t acked;    /* the newest version whose write has been reported */
        uint32_t seen;     /* the newest that a strong fetch has returned */
        uint32_t cap;      /* a set of this version came after its writer had given up: newer ones may be hidden */
        int64_t set_us;     /* last, which ends every lock */
        uint32_t committed; /* the last lock under which it was written */
        uint64_t required; /* the step of the last acknowledged write: loads that began before it may not show */
    } keys[KEYS_MAX];
    uint32_t carried;      /* the source of the stale value in the reply that is being taken; 0: none */
    uint64_t outcomes[6], failures, loads, past;
    struct source sources[SOURCES_MAX];
    struct granted grants[GRANTS_MAX];
    struct write writes[WRITES_MAX];
    struct fence fences[FENCES_MAX];
};

void check_init(struct check *check);

/* Numbers are from 1 on; 0 where there are too many, which is a violation, too.  `owner` is the writer's, of its lock;
 * empty: it doesn't lock. */
uint32_t check_source(struct world *world, uint32_t key, uint32_t version, bool foreign, uint64_t began);
uint32_t check_write(struct world *world, uint32_t key, uint32_t version, struct slice owner);
/* NULL: not a value of ours. */
struct source *check_source_of(struct world *world, const struct blob *value);

void check_granted(struct world *world, struct slice owner);
struct granted *check_grant_of(struct world *world, struct slice owner);
void check_load_began(struct world *world, struct process *process, const struct load *load);
void check_load_ended(struct world *world, const struct load *load);

/* A write is carried out by the server, for the first time or again. */
void check_write_executed(struct world *world, uint32_t write);
/* Its writer reports success, or has no more to do with it. */
void check_write_acked(struct world *world, uint32_t write);
void check_write_over(struct world *world, uint32_t write);
/* A lock was granted; and what the database takes from a writer with this fence. */
void check_fence(struct world *world, uint32_t key, int64_t fence);
void check_fenced_commit(struct world *world, uint32_t key, int64_t fence);
/* Under which it was made: the lock was held then, or not. */
void check_unlocked(struct world *world, const struct message *message, bool held);
/* The lock has ended by itself, and taken the value with it: what was committed under it is seen from now on. */
void check_lock_ended(struct world *world, uint32_t key, uint32_t number);
/* The same, and the lock has lasted for its time. */
void check_lock_expired(struct world *world, uint32_t key);
/* Whether nobody waits any more for the update whose command this is; told while nothing breaks. */
bool check_is_given_up(const struct world *world, const struct message *message);

void check_call_begins(struct world *world, struct call *call);
/* Looks at the slots that have settled since the last time. */
void check_call(struct world *world, struct call *call);
/* It is handed a load: not when it has been ended. */
void check_hands_over(struct world *world, const struct call *call);
void check_call_done(struct world *world, struct call *call);
/* Whether the server may be away. */
bool connection_may_fail(const struct plan *plan);
/* A slot that failed: there has to be a cause. */
void check_failure(struct world *world, struct call *call, size_t i);
/* Nobody waits for what is there already. */
void check_waiting(struct world *world, struct process *process);
/* Nothing is left of the process' dealings. */
void check_idle(struct world *world, struct process *process);

#endif
