/* caller: a thread, or what stands for one in an event loop, that does one deed after the other: reads, and writes of
 * one kind or another.  loader.c has the other half of its work. */
#ifndef RESILICACHE_TESTS_CALLER_H
#define RESILICACHE_TESTS_CALLER_H

#include "call.h"
#include "engine/load.h"
#include "event.h"
#include "plan.h"

enum deed_kind { DEED_FETCH, DEED_GET, DEED_INVALIDATE, DEED_DELETE, DEED_LOCK, DEED_SET, DEED_RAW_SET, DEED_UPDATE };

/* All of it is drawn beforehand. */
struct deed {
    enum deed_kind kind;
    uint32_t keys[CALL_KEYS_MAX];
    uint32_t count;
    bool strong;
    bool refresh_inline;
    bool queue;
    bool wait;           /* for the lock */
    bool intent;         /* with the lock, or the update's */
    bool renews;         /* the lock */
    bool sets;           /* under the lock, instead of unlocking */
    bool silent;         /* dies in thought between commit and invalidation */
    uint32_t tries;
    int64_t deadline_ms; /* 0: the option's */
    int64_t lease_ms;
    int64_t gap_us;      /* before it */
    int64_t think_us;    /* between its steps */
    int64_t leave_us;    /* after that long it cancels or frees its op; 0: it doesn't */
    bool frees;
};

/* What comes next, or whose op is under way. */
enum stage { STAGE_NEXT, STAGE_FIRST, STAGE_COMMIT, STAGE_RENEW, STAGE_REPORT };

struct task;

struct caller {
    struct process *process;
    uint32_t number;  /* in its process */
    uint32_t deeds;   /* begun */
    struct deed deed;
    enum stage stage;
    uint32_t versions[CALL_KEYS_MAX];
    uint32_t writes[CALL_KEYS_MAX];
    int64_t fences[CALL_KEYS_MAX]; /* of its locks */
    bool refused;     /* by the database, for these */
    uint32_t tries;
    uint32_t turns;   /* keys that it has taken, as bits */
    char owner[24];   /* of its locks */
    struct call *call;
    struct task *task; /* runs on its own thread: it looks at nothing else meanwhile */
    struct event event;
    struct event leave;
    bool idle;        /* has no deeds left */
};

/* Draws the next deed.  False: there are no more. */
bool deed_next(struct caller *caller);

void caller_init(struct caller *caller, struct process *process, uint32_t number);
/* There is news of its op. */
void caller_wake(struct caller *caller);
/* Its process is gone. */
void caller_close(struct caller *caller);
/* For the end: a fetch of the key. */
void caller_probe(struct caller *caller, uint32_t key, bool strong);

/* A load that runs. */
struct task {
    struct event event;
    struct link_node node;
    struct process *process;
    struct load *load;
    struct call *call;     /* whose op it is part of; NULL: behind it */
    struct caller *caller; /* whose thread it runs on; NULL: another */
    bool read;             /* the database has been read */
    uint64_t began;        /* the step */
};

/* The load is handed over: it runs, and will be finished. */
void task_begin(struct process *process, struct load *load, struct call *call, struct caller *caller);
/* The process is gone. */
void task_close(struct task *task);

#endif
