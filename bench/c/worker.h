/* worker: what the benchmark's programs in C share: the task, the contenders, and the measuring of callers. */
#ifndef RESILICACHE_BENCH_WORKER_H
#define RESILICACHE_BENCH_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TTL_MS = 3600 * 1000 };

/* What the command line asks for. */
struct task {
    const char *url;
    const char *contender;
    const char *workload;
    size_t callers;
    size_t size;
    size_t keys;
    size_t batch;
    double seconds;
    char *value; /* `size` bytes */
    /* "bench:CONTENDER:SIZE:000000000042" and so on, all of one size, one behind the other, twice: a batch may begin
     * with any of them. */
    char *names;
    size_t key_size;
};

static inline const char *task_key(const struct task *task, size_t number) {
    return task->names + number * task->key_size;
}

/* A client as its users would call it.  What fails ends the program, with words on stderr. */
struct contender {
    const char *name;
    void *(*open)(const struct task *task);            /* what all callers share, or NULL */
    void *(*join)(const struct task *task, void *all); /* a caller's own; before any time is taken */
    void (*set)(void *own, const char *key, size_t key_size, const char *value, size_t size);
    size_t (*hit)(void *own, const char *key, size_t key_size); /* the size of what is there */
    /* How many of the keys are there; they begin at number `first`. */
    size_t (*batch)(void *own, size_t first, size_t count);
};

extern const struct contender contender_resilicache;
extern const struct contender contender_hiredis;

#if defined(__GNUC__)
__attribute__((format(printf, 1, 2), noreturn))
#endif
void die(const char *format, ...);

/* Prints a line of JSON about `callers` closed loops, each on a thread of its own. */
struct crew;
struct crew *crew_new(const struct task *task, const struct contender *contender);
/* Each caller works for so long, and all sets of keys if it is to prepare. */
void crew_run(struct crew *crew, double seconds, bool print);

#endif
