/* scene: a cache as a user has it, and a database that the loader reads. */
#ifndef RESILICACHE_TESTS_SCENE_H
#define RESILICACHE_TESTS_SCENE_H

#include "resilicache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The database: one row for all keys.  Threads: any. */
struct database {
    _Atomic int row;         /* a loaded value is "v<row>" */
    _Atomic int loads;       /* calls of the loader */
    _Atomic int reading;     /* loaders that have read the row and are held */
    _Atomic bool held;       /* loaders wait between reading and answering */
    _Atomic int slow_ms;
    _Atomic bool fails;
    _Atomic bool absent;
    _Atomic bool empty;      /* the value has no bytes */
};

struct answer {
    int32_t status;
    int32_t outcome;
    char text[32]; /* the first bytes of the value */
    char message[256];
};

/* Options as "name=value&name=value", or NULL; fails the test if it can't be opened. */
rcache *scene_open(const char *options);
/* Keys of one test are not those of another: "test-name:key", in one of a few static buffers. */
const char *key_of(const char *name);

struct answer fetch(rcache *cache, const char *key, struct database *database, uint32_t flags);
struct answer fetch_seeing(rcache *cache, const char *key, struct database *database, const char *token);
struct answer fetch_until(rcache *cache, const char *key, struct database *database, uint32_t flags,
                          int64_t deadline_ms);
struct answer get(rcache *cache, const char *key);
struct answer run_one(rcache_op *op);
struct answer set(rcache *cache, const char *key, const char *value, int64_t ttl_ms);
struct answer invalidate(rcache *cache, const char *key);
struct answer delete_key(rcache *cache, const char *key);
struct answer lock(rcache *cache, const char *key, const char *owner, int64_t lease_ms, uint32_t flags);
struct answer unlock(rcache *cache, const char *key, const char *owner);
/* A line of inspect, "" without it; in a static buffer. */
const char *inspect(rcache *cache, const char *key, const char *line);
int64_t counter(rcache *cache, const char *name);

/* The loader of `database`. */
void load_row(rcache_load *load, void *database);

/* A fetch on a thread of its own. */
struct errand {
    pthread_t thread;
    rcache *cache;
    const char *key;
    struct database *database;
    uint32_t flags;
    struct answer answer;
};
void errand_begin(struct errand *errand);
struct answer errand_end(struct errand *errand);

/* Waits until the condition holds, at most ten seconds; then the test fails. */
#define wait_for(condition)                                                                                          \
    do {                                                                                                             \
        int64_t wait_for_end_ms = scene_now_ms() + 10000;                                                            \
        while (!(condition)) {                                                                                       \
            if (scene_now_ms() > wait_for_end_ms)                                                                    \
                fail_msg("waited 10 s in vain for: %s", #condition);                                                 \
            scene_pause_ms(1);                                                                                       \
        }                                                                                                            \
    } while (0)
int64_t scene_now_ms(void);
void scene_pause_ms(int ms);

/* The main of a program of tests: all of them on every store (servers_only: not on memory). */
struct scene_tests {
    const char *name;
    const struct CMUnitTest *tests;
    size_t count;
    bool servers_only;
};
int scene_run(const struct scene_tests *groups, size_t count);
/* On one store, which the program has started. */
struct store;
int scene_run_on(struct store *store, const struct scene_tests *groups, size_t count);

#endif
