/* crew: closed loops on threads that are made once, their latencies and the processor's time. */
#define _GNU_SOURCE
#include "latency.h"
#include "worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { STACK = 256 * 1024 };

enum work { WORK_PREPARE, WORK_HIT, WORK_BATCH };

struct caller {
    struct crew *crew;
    void *own;
    pthread_t thread;
    uint32_t random;
    size_t ops;
    struct latencies latencies;
};

struct crew {
    const struct task *task;
    const struct contender *contender;
    enum work work;
    pthread_barrier_t begin, end;
    atomic_bool stop;
    atomic_size_t next; /* to be prepared */
    struct caller callers[];
};

static size_t do_one(struct caller *caller) {
    const struct crew *crew = caller->crew;
    const struct task *task = crew->task;
    caller->random = caller->random * 1664525 + 1013904223;
    size_t number = (caller->random >> 8) % task->keys;
    if (crew->work == WORK_BATCH) {
        size_t count = crew->contender->batch(caller->own, number, task->batch);
        if (count != task->batch)
            die("%s: %zu of %zu keys were there", task->contender, count, task->batch);
        return count;
    }
    if (crew->contender->hit(caller->own, task_key(task, number), task->key_size) != task->size)
        die("%s: a miss where there has to be a hit", task->contender);
    return 1;
}

static size_t prepare(struct caller *caller) {
    struct crew *crew = caller->crew;
    const struct task *task = crew->task;
    size_t count = 0;
    for (size_t number; (number = atomic_fetch_add(&crew->next, 1)) < task->keys; count++)
        crew->contender->set(caller->own, task_key(task, number), task->key_size, task->value, task->size);
    return count;
}

static size_t work(struct caller *caller) {
    size_t count = 0;
    for (uint64_t start = latency_now_ns(), done; !atomic_load(&caller->crew->stop); start = done) {
        count += do_one(caller);
        done = latency_now_ns();
        latencies_add(&caller->latencies, done - start);
    }
    return count;
}

static void *run_caller(void *arg) {
    struct caller *caller = arg;
    struct crew *crew = caller->crew;
    for (;;) {
        pthread_barrier_wait(&crew->begin);
        memset(&caller->latencies, 0, sizeof caller->latencies);
        caller->ops = crew->work == WORK_PREPARE ? prepare(caller) : work(caller);
        pthread_barrier_wait(&crew->end);
    }
    return NULL;
}

struct crew *crew_new(const struct task *task, const struct contender *contender) {
    struct crew *crew = calloc(1, sizeof *crew + task->callers * sizeof crew->callers[0]);
    if (crew == NULL)
        die("no memory for %zu callers", task->callers);
    crew->task = task;
    crew->contender = contender;
    crew->work = strcmp(task->workload, "prepare") == 0 ? WORK_PREPARE
               : strcmp(task->workload, "batch") == 0   ? WORK_BATCH
                                                        : WORK_HIT;
    pthread_barrier_init(&crew->begin, NULL, (unsigned)task->callers + 1);
    pthread_barrier_init(&crew->end, NULL, (unsigned)task->callers + 1);
    void *all = contender->open(task);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    for (size_t i = 0; i < task->callers; i++) {
        struct caller *caller = &crew->callers[i];
        caller->crew = crew;
        caller->random = (uint32_t)i * 2654435761u + 1;
        caller->own = contender->join(task, all);
        if (pthread_create(&caller->thread, &attributes, run_caller, caller) != 0)
            die("no thread for caller %zu", i);
    }
    if (strcmp(task->url, "memory://") == 0) { /* what another process has prepared is not there */
        enum work work = crew->work;
        crew->work = WORK_PREPARE;
        crew_run(crew, 0, false);
        crew->work = work;
    }
    if (crew->work != WORK_PREPARE)
        crew_run(crew, task->seconds * 0.2, false);
    return crew;
}

static double seconds_of(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

void crew_run(struct crew *crew, double seconds, bool print) {
    struct rusage before, after;
    struct timespec duration = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };
    atomic_store(&crew->stop, false);
    atomic_store(&crew->next, 0);
    getrusage(RUSAGE_SELF, &before);
    uint64_t begin = latency_now_ns();
    pthread_barrier_wait(&crew->begin);
    if (crew->work != WORK_PREPARE)
        nanosleep(&duration, NULL);
    atomic_store(&crew->stop, true);
    pthread_barrier_wait(&crew->end);
    double elapsed = (double)(latency_now_ns() - begin) / 1e9;
    getrusage(RUSAGE_SELF, &after);
    size_t ops = 0;
    struct latencies all = { { 0 } };
    for (size_t i = 0; i < crew->task->callers; i++) {
        ops += crew->callers[i].ops;
        latencies_join(&all, &crew->callers[i].latencies);
    }
    if (print)
        printf("{\"ops\": %zu, \"seconds\": %.6f, \"user\": %.6f, \"system\": %.6f, "
               "\"p50_us\": %.2f, \"p99_us\": %.2f}\n",
               ops, elapsed, seconds_of(after.ru_utime) - seconds_of(before.ru_utime),
               seconds_of(after.ru_stime) - seconds_of(before.ru_stime), latencies_percentile_us(&all, 0.5),
               latencies_percentile_us(&all, 0.99));
}
