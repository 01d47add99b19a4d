/* stage: where one case is played.  It has caches, the rows that loaders read, actors with calls under way, and signals
 * that loaders wait for.  One thread plays, line by line; each actor's call, and each refresh, has a thread. */
#ifndef RESILICACHE_TOOLS_CONFORM_STAGE_H
#define RESILICACHE_TOOLS_CONFORM_STAGE_H

#include "conform/call.h"
#include "tool.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PATIENCE_MS = 30000, PROBLEM_SIZE = 1024 };

/* A thing that has a name: a cache, a row, a signal, a key. */
struct named {
    struct named *next;
    struct word name;
    const struct word *row;
    uint64_t fence; /* of the last update of the row */
    rcache *cache;
};

struct stage {
    const struct tool *tool;
    char prefix[96];
    struct arena arena;   /* the playing thread's */
    struct named *caches; /* the playing thread's */
    struct named *names;  /* the playing thread's: every key that a call had */
    struct actor *actors; /* the playing thread's */
    pthread_mutex_t lock; /* over what loaders see: */
    struct named *rows, *signals;
    struct refresh *refreshes;
    struct word *asked; /* for which keys the last loader was called */
    size_t asked_count;
    _Atomic int called;
    _Atomic bool over; /* loaders wait no longer */
    char problem[PROBLEM_SIZE];
};

struct actor {
    struct actor *next;
    struct word name;
    struct call call;
    struct task *tasks;
    size_t count;
    _Atomic int loading;
};

/* A call under way.  An actor's has a thread of its own. */
struct task {
    struct stage *stage;
    const struct call *call;
    struct actor *actor; /* NULL: the playing thread's own call */
    rcache *cache;
    struct found found;
    pthread_t thread;
    bool begun;
    _Atomic bool canceled;
    _Atomic bool done;
};

bool stage_init(struct stage *stage, const struct tool *tool, const char *prefix);
/* Ends all that is under way and clears up; false: something was left unfinished, stage->problem says what. */
bool stage_clear(struct stage *stage);

/* False, with what is wrong in stage->problem. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
bool stage_fail(struct stage *stage, const char *format, ...);

struct named *named_find(struct named *list, const struct word *name);
/* The one of this name, added if need be; NULL after stage_fail. */
struct named *named_take(struct stage *stage, struct named **list, const struct word *name);

/* Opens a cache with options, words like name=value; among them url=... for another store. */
int32_t stage_open(struct stage *stage, struct words options, rcache **cache, rcache_error *err);
/* The cache of that name; "main" is opened when it is first wanted.  NULL after stage_fail. */
rcache *stage_cache(struct stage *stage, const char *name);
/* The cache's counter; -1: it has none of that name. */
int64_t counter_of(rcache *cache, const char *name);

/* Makes the call on this thread; what it found is the caller's to free.  Threads: any. */
void task_run(struct stage *stage, const struct call *call, rcache *cache, struct found *found);
/* The same by the playing thread, with the cache that the call names. */
bool stage_make(struct stage *stage, const struct call *call, struct found *found);
/* Begins the actor's call, `count` times at once. */
bool actor_begin(struct stage *stage, struct actor *actor, size_t count);

/* At the end: waits for the loads that were begun behind their calls. */
void refreshes_join(struct stage *stage);

typedef bool condition_function(struct stage *stage, const void *arg);
/* Until the condition holds; false when patience is over. */
bool stage_wait(struct stage *stage, condition_function *condition, const void *arg);

/* The row that loaders read for the key from now on. */
bool stage_set_row(struct stage *stage, const struct word *name, const struct word *row);
/* storm.c: KEY readers COUNT writes COUNT. */
bool play_storm(struct stage *stage, struct words words, struct words expected);
/* step.c: does what one line says; false: stage->problem says what went wrong. */
bool stage_play(struct stage *stage, struct words words);

#endif
