/* bench: how many hits a second a server gives, and how long each takes, by how many callers.  Touches only keys below
 * a prefix of its own and removes them at the end. */
#define _POSIX_C_SOURCE 200809L
#include "latency.h"
#include "tool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { KEYS = 1000, VALUE_SIZE = 100, TTL_MS = 10 * 60 * 1000, WARM_MS = 200, RUN_MS = 2000 };
enum { CALLERS_MAX = 1024, KEY_SIZE = 48, FAILURE_SIZE = 256 };

struct run {
    struct tool *tool;
    char key_prefix[KEY_SIZE - 8];
    atomic_bool over;
    char failure[FAILURE_SIZE]; /* written by the first that fails */
    atomic_bool failed;
};

struct caller {
    struct run *run;
    pthread_t thread;
    uint32_t random;
    uint64_t hits;
    struct latencies latencies;
};

static uint32_t key_of(const struct run *run, unsigned number, char key[KEY_SIZE]) {
    return (uint32_t)snprintf(key, KEY_SIZE, "%s%04u", run->key_prefix, number);
}

static void fail(struct run *run, const char *message) {
    if (!atomic_exchange(&run->failed, true))
        snprintf(run->failure, sizeof run->failure, "%s", message);
    atomic_store(&run->over, true);
}

/* All the keys; the size of each is in `sizes`. */
static const char *keys_of(const struct run *run, uint32_t sizes[KEYS]) {
    static char bytes[KEYS * KEY_SIZE];
    char *end = bytes;
    for (unsigned i = 0; i < KEYS; i++) {
        sizes[i] = key_of(run, i, end);
        end += sizes[i];
    }
    return bytes;
}

static int store(const struct run *run) {
    static char values[KEYS * VALUE_SIZE];
    static uint32_t key_sizes[KEYS], value_sizes[KEYS];
    memset(values, 'x', sizeof values);
    for (unsigned i = 0; i < KEYS; i++)
        value_sizes[i] = VALUE_SIZE;
    const char *keys = keys_of(run, key_sizes);
    rcache_result *result;
    rcache_op *op = rcache_op_set(run->tool->cache, keys, key_sizes, values, value_sizes, KEYS, TTL_MS, NULL);
    size_t index = 0;
    int exit_code = EXIT_DONE;
    if (rcache_op_run(op, NULL, NULL, &result) != RCACHE_OK && rcache_result_status(result, &index) != RCACHE_OK)
        exit_code = tool_complain(EXIT_FAILED, "%s", rcache_result_message(result, index));
    rcache_result_free(result);
    return exit_code;
}

static void miss(rcache_load *load, void *arg) {
    (void)arg;
    rcache_load_fail(load, 0, "what was stored is not there any more: the server lost it, or its memory is full");
    rcache_load_finish(load);
}

static void *fetch_all_the_time(void *arg) {
    struct caller *caller = arg;
    struct run *run = caller->run;
    char key[KEY_SIZE];
    for (uint64_t begin = latency_now_ns(), end; !atomic_load(&run->over); begin = end) {
        caller->random = caller->random * 1664525 + 1013904223;
        uint32_t size = key_of(run, (caller->random >> 8) % KEYS, key);
        rcache_result *result;
        if (rcache_fetch(run->tool->cache, key, size, TTL_MS, miss, NULL, NULL, &result) != RCACHE_OK)
            fail(run, rcache_result_message(result, 0));
        rcache_result_free(result);
        end = latency_now_ns();
        latencies_add(&caller->latencies, end - begin);
        caller->hits++;
    }
    return NULL;
}

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

/* Lets them all fetch for so long; the time that it took, in seconds. */
static double run_callers(struct run *run, struct caller *callers, size_t count, long ms) {
    size_t started = 0;
    atomic_store(&run->over, false);
    uint64_t begin = latency_now_ns();
    for (; started < count; started++) {
        callers[started].run = run;
        callers[started].random = (uint32_t)started * 2654435761u + 1;
        callers[started].hits = 0;
        memset(&callers[started].latencies, 0, sizeof callers[started].latencies);
        if (pthread_create(&callers[started].thread, NULL, fetch_all_the_time, &callers[started]) != 0)
            break;
    }
    if (started < count)
        fail(run, "not that many threads can be had");
    for (long left = ms; left > 0 && !atomic_load(&run->over); left -= 10)
        pause_ms(left < 10 ? left : 10);
    atomic_store(&run->over, true);
    for (size_t i = 0; i < started; i++)
        pthread_join(callers[i].thread, NULL);
    return (double)(latency_now_ns() - begin) / 1e9;
}

static int measure(struct run *run, size_t count, bool first) {
    struct caller *callers = calloc(count, sizeof *callers);
    if (callers == NULL)
        return tool_complain(EXIT_FAILED, "no memory for %zu callers", count);
    run_callers(run, callers, count, WARM_MS);
    double seconds = atomic_load(&run->failed) ? 1 : run_callers(run, callers, count, RUN_MS);
    uint64_t hits = callers[0].hits;
    struct latencies *all = &callers[0].latencies;
    for (size_t i = 1; i < count; i++) {
        hits += callers[i].hits;
        latencies_join(all, &callers[i].latencies);
    }
    double p50 = latencies_percentile_us(all, 0.5), p99 = latencies_percentile_us(all, 0.99);
    double p999 = latencies_percentile_us(all, 0.999), rate = (double)hits / seconds;
    free(callers);
    if (atomic_load(&run->failed))
        return tool_complain(EXIT_FAILED, "%s", run->failure);
    if (run->tool->json)
        printf("%s{\"callers\": %zu, \"hits_a_second\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}",
               first ? "[" : ", ", count, rate, p50, p99, p999);
    else
        printf("%8zu %12.0f %12.1f %12.1f %12.1f\n", count, rate, p50, p99, p999);
    fflush(stdout);
    return EXIT_DONE;
}

/* What may be given as a number of callers; 0 after a complaint. */
static size_t callers_of(const char *text) {
    char *end;
    unsigned long count = strtoul(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && count >= 1 && count <= CALLERS_MAX)
        return count;
    tool_complain(0, "'%s' is no number of callers: write 1 to %d", text, CALLERS_MAX);
    return 0;
}

static void clean_up(const struct run *run) {
    static uint32_t sizes[KEYS];
    const char *keys = keys_of(run, sizes);
    rcache_result *result;
    if (rcache_op_run(rcache_op_delete(run->tool->cache, keys, sizes, KEYS, NULL), NULL, NULL, &result) != RCACHE_OK)
        tool_complain(0, "some keys '%s...' may be left, for %d minutes at most", run->key_prefix, TTL_MS / 60000);
    rcache_result_free(result);
}

int bench_main(struct tool *tool) {
    static char *usual[] = { "1", "16", "64" };
    char **words = tool->arg_count > 0 ? tool->args : usual;
    int count = tool->arg_count > 0 ? tool->arg_count : (int)(sizeof usual / sizeof usual[0]);
    for (int i = 0; i < count; i++)
        if (callers_of(words[i]) == 0)
            return EXIT_USAGE;
    struct run run = { .tool = tool };
    snprintf(run.key_prefix, sizeof run.key_prefix, "resilicache-bench:%ld:", (long)getpid());
    if (store(&run) != EXIT_DONE) {
        clean_up(&run);
        return EXIT_FAILED;
    }
    if (!tool->json)
        printf("Hits of %d keys, %d bytes each, for %d s; times in microseconds\n%8s %12s %12s %12s %12s\n", KEYS,
               VALUE_SIZE, RUN_MS / 1000, "callers", "hits/s", "p50", "p99", "p99.9");
    int exit_code = EXIT_DONE;
    for (int i = 0; i < count && exit_code == EXIT_DONE; i++)
        exit_code = measure(&run, callers_of(words[i]), i == 0);
    if (tool->json && exit_code == EXIT_DONE)
        puts("]");
    clean_up(&run);
    return exit_code;
}
