/* Many processes on one key: one loads, the others get its value soon after it is stored. */
#define _GNU_SOURCE
#include "support/scene.h"
#include "support/stores.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 4, THREADS = 16, LOADER_MS = 50 };

/* Shared by the processes. */
struct outcome {
    _Atomic int ready;
    _Atomic int loads;
    _Atomic int served;
    _Atomic int wrong;
    _Atomic int64_t loaded_ms; /* the loader's end */
    _Atomic int64_t last_ms;   /* the last caller's */
};

static struct outcome *outcome;
static rcache *cache;
static const char *key;

static void load_slowly(rcache_load *load, void *arg) {
    (void)arg;
    outcome->loads++;
    scene_pause_ms(LOADER_MS);
    outcome->loaded_ms = scene_now_ms();
    rcache_load_value(load, 0, "v1", 2, 0);
    rcache_load_finish(load);
}

static void *fetch_once(void *arg) {
    const rcache_call *call = arg;
    rcache_result *result;
    rcache_value value;
    rcache_fetch(cache, key, strlen(key), 60000, load_slowly, NULL, call, &result);
    rcache_result_values(result, &value, 1);
    if (value.size == 2 && memcmp(value.data, "v1", 2) == 0)
        outcome->served++;
    else
        outcome->wrong++;
    outcome->last_ms = scene_now_ms();
    rcache_result_free(result);
    return NULL;
}

static void be_one_of_many(const char *options, uint32_t flags) {
    pthread_t threads[THREADS];
    rcache_call call = { .struct_size = sizeof call, .flags = flags };
    cache = scene_open(options);
    outcome->ready++;
    while (outcome->ready < PROCESSES)
        scene_pause_ms(1);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, fetch_once, &call);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    rcache_close(cache);
    _exit(0);
}

static void stampede(const char *options, uint32_t flags) {
    key = key_of(flags == 0 ? "hot" : "hot, strongly");
    outcome = mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(outcome, MAP_FAILED);
    fflush(NULL);
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0)
            be_one_of_many(options, flags);
    for (int i = 0; i < PROCESSES; i++)
        assert_true(wait(NULL) > 0);
    print_message("%d callers: %d load, the last served %d ms after it\n", outcome->served, outcome->loads,
                  (int)(outcome->last_ms - outcome->loaded_ms));
    assert_int_equal(outcome->loads, 1);
    assert_int_equal(outcome->wrong, 0);
    assert_int_equal(outcome->served, PROCESSES * THREADS);
    munmap(outcome, sizeof *outcome);
}

/* lock_sleep is the longest pause between polls: who waits is served long before. */
static void one_loads_and_the_others_are_woken_by_the_server(void **state) {
    (void)state;
    int64_t began_ms = scene_now_ms();
    stampede("lock_sleep=10s", 0);
    stampede("lock_sleep=10s", RCACHE_STRONG);
    assert_true(scene_now_ms() - began_ms < 5000);
}

static void one_loads_and_the_others_poll_where_the_server_tells_nothing(void **state) {
    (void)state;
    int64_t began_ms = scene_now_ms();
    stampede("resp=2&lock_sleep=10s", 0);
    stampede("resp=2&lock_sleep=10s", RCACHE_STRONG);
    assert_true(scene_now_ms() - began_ms < 5000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_loads_and_the_others_are_woken_by_the_server),
        cmocka_unit_test(one_loads_and_the_others_poll_where_the_server_tells_nothing),
    };
    const struct scene_tests group = { "processes", tests, sizeof tests / sizeof tests[0], true };
    return scene_run(&group, 1);
}
