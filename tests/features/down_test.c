/* A server that goes and comes back under threads that read and invalidate, and under the stepping driver. */
#include "support/scene.h"
#include "support/stores.h"
#include "support/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS "op_timeout=500ms&connect_timeout=500ms&breaker_open=50ms"

enum { THREADS = 4, KEYS = 8, ROUNDS = 3, KEY_SIZE = 64 };

static struct store own;
static struct database database;
static char keys[KEYS][KEY_SIZE];

static void begin(void) {
    own = (struct store){ .name = "own", .program = store_now->program };
    database = (struct database){ .row = 1 };
    for (int i = 0; i < KEYS; i++) {
        char name[8];
        snprintf(name, sizeof name, "%d", i);
        snprintf(keys[i], KEY_SIZE, "%s", key_of(name));
    }
    assert_true(test_store_start(&own, NULL));
}

static void end(void) {
    test_store_end(&own, SIGKILL);
    test_store_remove(&own);
}

static rcache *open_own(const char *options) {
    struct store *before = store_now;
    store_now = &own;
    rcache *cache = scene_open(options);
    store_now = before;
    return cache;
}

/* ---- threads ---- */

static struct {
    rcache *cache;
    _Atomic bool over;
    _Atomic int calls;
    _Atomic int wrong; /* answers that no call may have */
} crowd;

static void call_once(int number) {
    const char *key = keys[number % KEYS];
    struct answer answer = number % 4 == 0   ? invalidate(crowd.cache, key)
                           : number % 4 == 1 ? fetch(crowd.cache, key, &database, RCACHE_STRONG)
                                             : fetch(crowd.cache, key, &database, 0);
    bool queued = answer.status == RCACHE_E_QUEUED;
    bool away = answer.status == RCACHE_E_UNAVAILABLE || answer.status == RCACHE_E_TIMEOUT;
    bool may = answer.status == RCACHE_OK || (number % 4 == 0 && queued) || (number % 4 == 1 && away);
    if (number % 4 > 1 && answer.status == RCACHE_OK)
        may = answer.text[0] == 'v';
    if (!may)
        printf("call %d: %d %s\n", number, answer.status, answer.message);
    crowd.wrong += !may;
    crowd.calls++;
}

static void *call_on(void *argument) {
    for (int number = *(const int *)argument; !crowd.over; number += 7)
        call_once(number);
    return NULL;
}

static void go_on(int calls) {
    int before = crowd.calls;
    wait_for(crowd.calls >= before + calls);
}

static void threads_go_on_while_the_server_goes_and_comes(void **state) {
    (void)state;
    begin();
    pthread_t threads[THREADS];
    int numbers[THREADS];
    crowd.cache = open_own(OPTIONS);
    crowd.over = false;
    crowd.wrong = crowd.calls = 0;
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, call_on, &numbers[i]), 0);
    }
    for (int round = 0; round < ROUNDS; round++) {
        go_on(100);
        test_store_end(&own, SIGKILL);
        wait_for(counter(crowd.cache, "servers_down") == 1);
        go_on(100);
        assert_true(test_store_restart(&own, NULL));
        wait_for(counter(crowd.cache, "servers_down") == 0);
    }
    crowd.over = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    wait_for(counter(crowd.cache, "journal_depth") == 0);
    assert_int_equal(crowd.wrong, 0);
    assert_true(counter(crowd.cache, "loads_down") > 0);
    assert_true(counter(crowd.cache, "invalidations_queued") >= counter(crowd.cache, "journal_drained"));
    assert_true(counter(crowd.cache, "journal_drained") > 0);
    int64_t loads = counter(crowd.cache, "loads");
    assert_int_equal(loads, counter(crowd.cache, "loads_stored") + counter(crowd.cache, "loads_failed") +
                                counter(crowd.cache, "loads_lost") + counter(crowd.cache, "loads_direct"));
    for (int i = 0; i < KEYS; i++)
        assert_int_equal(fetch(crowd.cache, keys[i], &database, RCACHE_STRONG).status, RCACHE_OK);
    rcache_close(crowd.cache);
    end();
}

/* Close in the midst of it: nothing is waited for, and nothing is left. */
static void a_cache_is_closed_while_the_server_is_away(void **state) {
    (void)state;
    begin();
    rcache *cache = open_own(OPTIONS);
    assert_int_equal(set(cache, keys[0], "v1", 10000).status, RCACHE_OK);
    test_store_end(&own, SIGKILL);
    for (int i = 0; i < KEYS; i++)
        assert_int_equal(invalidate(cache, keys[i]).status, RCACHE_E_QUEUED);
    rcache_close(cache);
    assert_true(test_store_restart(&own, NULL));
    end();
}

/* What is queued is tried by the service thread alone. */
static void what_is_queued_needs_no_further_call(void **state) {
    (void)state;
    begin();
    char file[160];
    snprintf(file, sizeof file, OPTIONS "&journal_file=%s/journal", own.directory);
    rcache *cache = open_own(file);
    test_store_end(&own, SIGKILL);
    assert_int_equal(invalidate(cache, keys[0]).status, RCACHE_E_QUEUED);
    assert_true(test_store_restart(&own, NULL));
    wait_for(counter(cache, "journal_depth") == 0);
    rcache_close(cache);
    cache = open_own(file);
    assert_int_equal(counter(cache, "journal_depth"), 0);
    rcache_close(cache);
    unlink(strchr(file, '/'));
    end();
}

/* A child that was forked lets go of the file, and doesn't take it from the parent. */
static void a_forked_child_harms_no_journal(void **state) {
    (void)state;
    begin();
    char file[160];
    rcache *second;
    rcache_error err;
    snprintf(file, sizeof file, OPTIONS "&journal_file=%s/journal", own.directory);
    rcache *cache = open_own(file);
    pid_t child = fork();
    if (child == 0) {
        rcache_close(cache);
        _exit(0);
    }
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    char url[300];
    snprintf(url, sizeof url, "%s?%s", own.url, file);
    assert_int_equal(rcache_open(url, NULL, &second, &err), RCACHE_E_INVALID);
    assert_non_null(strstr(err.message, "another cache has it open"));
    rcache_close(cache);
    assert_int_equal(rcache_open(url, NULL, &second, &err), RCACHE_OK);
    rcache_close(second);
    unlink(strchr(file, '/'));
    end();
}

/* ---- the stepping driver ---- */

static struct worker worker;

static int32_t invalidate_by(struct worker *by, const char *key, uint64_t tag) {
    const uint32_t size = (uint32_t)strlen(key);
    size_t done = by->done;
    rcache_stepper_submit(by->stepper, rcache_op_invalidate(by->cache, key, &size, 1, NULL), tag);
    worker_run(by, done + 1);
    return by->answers[tag].status;
}

static struct answer fetch_by(struct worker *by, const char *key, uint64_t tag, uint32_t flags) {
    const rcache_call call = { .struct_size = sizeof call, .flags = flags };
    size_t done = by->done;
    worker_fetch(by, key, tag, &call);
    worker_run(by, done + 1);
    return by->answers[tag];
}

static void the_stepping_driver_does_the_same(void **state) {
    (void)state;
    begin();
    struct store *before = store_now;
    store_now = &own;
    worker_open(&worker, OPTIONS);
    store_now = before;
    worker.database.row = 1;
    assert_int_equal(fetch_by(&worker, keys[0], 0, 0).outcome, RCACHE_LOADED);
    test_store_end(&own, SIGKILL);
    worker.database.row = 2;
    assert_int_equal(invalidate_by(&worker, keys[0], 1), RCACHE_E_QUEUED);
    assert_string_equal(fetch_by(&worker, keys[0], 2, 0).text, "v2");
    assert_int_equal(fetch_by(&worker, keys[0], 3, RCACHE_STRONG).status, RCACHE_E_UNAVAILABLE);
    for (uint64_t i = 4; counter(worker.cache, "servers_down") == 0; i++) {
        assert_true(i < 200);
        assert_string_equal(fetch_by(&worker, keys[1], i, 0).text, "v2");
        scene_pause_ms(10);
    }
    assert_true(test_store_restart(&own, NULL));
    int64_t begin_ms = scene_now_ms();
    while (counter(worker.cache, "journal_depth") > 0 && scene_now_ms() - begin_ms < 10000)
        worker_turn(&worker, 10);
    assert_int_equal(counter(worker.cache, "journal_depth"), 0);
    assert_int_equal(counter(worker.cache, "servers_down"), 0);
    assert_string_equal(fetch_by(&worker, keys[0], 201, RCACHE_STRONG).text, "v2");
    worker_close(&worker);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_go_on_while_the_server_goes_and_comes),
        cmocka_unit_test(a_cache_is_closed_while_the_server_is_away),
        cmocka_unit_test(what_is_queued_needs_no_further_call),
        cmocka_unit_test(a_forked_child_harms_no_journal),
        cmocka_unit_test(the_stepping_driver_does_the_same),
    };
    const struct scene_tests group = { "down", tests, sizeof tests / sizeof tests[0], true };
    return scene_run(&group, 1);
}
