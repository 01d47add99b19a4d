/* What each thread counts for itself: all of it is told, and the cache is there as long as one of them has a share. */
#define _GNU_SOURCE
#include "resilicache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { THREADS = 8, HITS = 1000 };

struct crew {
    rcache *cache;
    pthread_barrier_t begun, closed;
    pthread_t threads[THREADS];
    int32_t statuses[THREADS];
};

struct member {
    struct crew *crew;
    size_t number;
};

static rcache *open_memory(void) {
    rcache *cache;
    assert_int_equal(rcache_open("memory://", NULL, &cache, NULL), RCACHE_OK);
    return cache;
}

/* Runs it on all threads, with `between` on this one while all of them are at their barriers. */
static void run(struct crew *crew, void *(*work)(void *), void (*between)(struct crew *crew)) {
    struct member members[THREADS];
    pthread_barrier_init(&crew->begun, NULL, THREADS + 1);
    pthread_barrier_init(&crew->closed, NULL, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++) {
        members[i] = (struct member){ crew, i };
        assert_int_equal(pthread_create(&crew->threads[i], NULL, work, &members[i]), 0);
    }
    pthread_barrier_wait(&crew->begun);
    between(crew);
    pthread_barrier_wait(&crew->closed);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(crew->threads[i], NULL);
    pthread_barrier_destroy(&crew->begun);
    pthread_barrier_destroy(&crew->closed);
}

static void *hit(void *arg) {
    struct crew *crew = ((struct member *)arg)->crew;
    pthread_barrier_wait(&crew->begun);
    for (int i = 0; i < HITS; i++) {
        rcache_result *result;
        rcache_fetch(crew->cache, RCACHE_STR("key"), 1000, NULL, NULL, NULL, &result);
        rcache_result_free(result);
    }
    pthread_barrier_wait(&crew->closed);
    return NULL;
}

static void do_nothing(struct crew *crew) {
    (void)crew;
}

static void what_threads_have_counted_is_told_together(void **state) {
    (void)state;
    struct crew crew = { .cache = open_memory() };
    const uint32_t size = 3, value_size = 1;
    assert_int_equal(rcache_op_run(rcache_op_set(crew.cache, "key", &size, "v", &value_size, 1, 3600000, NULL), NULL,
                                   NULL, NULL),
                     RCACHE_OK);
    run(&crew, hit, do_nothing);
    char text[4096];
    assert_true(rcache_stats(crew.cache, text, sizeof text) < sizeof text);
    assert_non_null(strstr(text, "calls 8001\nhits 8000\nmisses 0\n"));
    rcache_close(crew.cache);
}

static void *wait_for_an_op(void *arg) {
    const struct member *member = arg;
    struct crew *crew = member->crew;
    const uint32_t size = 3;
    rcache_op *op = rcache_op_get(crew->cache, "key", &size, 1, NULL);
    pthread_barrier_wait(&crew->begun);
    pthread_barrier_wait(&crew->closed);
    crew->statuses[member->number] = rcache_op_run(op, NULL, NULL, NULL);
    return NULL;
}

static void close_it(struct crew *crew) {
    rcache_close(crew->cache);
}

/* The address sanitizer sees whether it is freed too early, or not at all. */
static void ops_keep_their_cache_on_every_thread(void **state) {
    (void)state;
    struct crew crew = { .cache = open_memory() };
    run(&crew, wait_for_an_op, close_it);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(crew.statuses[i], RCACHE_E_CLOSED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_threads_have_counted_is_told_together),
        cmocka_unit_test(ops_keep_their_cache_on_every_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
