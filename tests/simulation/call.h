/* call: an op on its way, in the manner of runtime/call.c: begun, looked at when there is news, ended when overdue. */
#ifndef RESILICACHE_TESTS_CALL_H
#define RESILICACHE_TESTS_CALL_H

#include "engine/op.h"

enum { CALL_KEYS_MAX = 3 };

struct process;
struct caller;

struct call {
    struct process *process;
    struct caller *caller; /* NULL: freed by it */
    struct op *op;
    uint32_t number;
    bool queue;            /* by the completion queue; else a thread waits for it */
    bool news;
    bool canceled;
    bool over;             /* DONE was told */
    struct link_node live;
    uint32_t keys[CALL_KEYS_MAX];
    /* check's: */
    int64_t began_us;
    uint64_t began;
    int64_t deadline_ms;     /* as given when it began */
    int64_t loading_us;      /* in the caller's own loaders, and since when one is running */
    int64_t loading_since_us;
    int64_t loaded_us;       /* the last has ended */
    uint32_t loads;          /* of them that are running */
    uint32_t loads_begun;
    bool checked[CALL_KEYS_MAX];
    uint32_t floor[CALL_KEYS_MAX];
    uint64_t required[CALL_KEYS_MAX];
    uint32_t lock[CALL_KEYS_MAX]; /* that lived when it began, in this history */
    uint32_t intent[CALL_KEYS_MAX]; /* the same, if it was one with an intent */
    uint32_t replacements;
    uint32_t own[CALL_KEYS_MAX]; /* the version that its process had been told of as written */
    uint32_t writes[CALL_KEYS_MAX]; /* 0: it is none */
};

static inline struct call *call_of(struct op *op) {
    return op->driver;
}

enum call_event { CALL_NOTHING, CALL_LOAD, CALL_DONE };

/* What an op is begun with. */
struct beginning {
    enum op_kind kind;
    uint32_t keys[CALL_KEYS_MAX];
    uint32_t count;
    bool strong;
    bool refresh_inline;
    bool wait;
    bool intent;
    bool raw;
    bool queue;
    int64_t ttl_ms;
    int64_t version;
    int64_t lease_ms;
    int64_t deadline_ms;  /* 0: the option's */
    const char *owner;    /* "": none */
    uint32_t writes[CALL_KEYS_MAX];
    struct blob *values[CALL_KEYS_MAX]; /* become the op's */
};

/* Begins it.  NULL: no memory. */
struct call *call_begin(struct process *process, struct caller *caller, struct beginning *begin);
/* Something has happened, or the deadline may have passed.  DONE: the op is the caller's to drop. */
enum call_event call_look(struct call *call, struct load **load);
/* For an op that is not waited for any more, and not DONE. */
void call_abandon(struct call *call);
/* Ends what is not settled yet. */
void call_end(struct call *call, int32_t status, const char *what);
/* The engine has news of it. */
void call_news(struct call *call);
/* Its process is gone. */
void call_close(struct call *call);
/* The driver's share of it. */
void call_drop(struct call *call);

#endif
