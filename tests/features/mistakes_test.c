/* What caches of this kind are known to get wrong, a test for each mistake: it fails where the mistake is made.
 * All in one file: one program starts the servers once. */
#define _GNU_SOURCE
#include "support/scene.h"
#include "support/stores.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DELAY_MS = 10000, LEASE_MS = 3000, PROMPT_MS = 2000 };

/* ---- helpers */

/* Several keys as ops take them. */
struct batch {
    char keys[1024];
    uint32_t sizes[8];
    size_t count;
};

static void add_key(struct batch *batch, const char *key) {
    batch->sizes[batch->count++] = (uint32_t)strlen(key);
    strcat(batch->keys, key);
}

/* A batch fetched on a thread of its own. */
struct batch_errand {
    pthread_t thread;
    rcache *cache;
    struct batch batch;
    rcache_loader loader;
    void *argument;
    rcache_result *result;
    int32_t status;
    rcache_value values[8];
};

static void *fetch_batch(void *argument) {
    struct batch_errand *errand = argument;
    struct batch *batch = &errand->batch;
    rcache_op *op = rcache_op_fetch(errand->cache, batch->keys, batch->sizes, batch->count, 100000, NULL);
    errand->status = rcache_op_run(op, errand->loader, errand->argument, &errand->result);
    rcache_result_values(errand->result, errand->values, 8);
    return NULL;
}

static rcache_op *fetch_op(rcache *cache, const char *key, int64_t ttl_ms) {
    uint32_t size = (uint32_t)strlen(key);
    return rcache_op_fetch(cache, key, &size, 1, ttl_ms, NULL);
}

static int64_t ttl_ms_of(rcache *cache, const char *key) {
    const char *ttl_ms = inspect(cache, key, "ttl_ms");
    return ttl_ms[0] != '\0' ? strtoll(ttl_ms, NULL, 10) : -1;
}

/* By the server's clock. */
static int64_t server_now_ms(void) {
    long long seconds = 0, micros = 0;
    assert_int_equal(sscanf(test_store_command("TIME"), "%lld %lld", &seconds, &micros), 2);
    return seconds * 1000 + micros / 1000;
}

static const char *command_to(struct store *store, const char *command) {
    struct store *before = store_now;
    store_now = store;
    const char *reply = test_store_command(command);
    store_now = before;
    return reply;
}

/* ---- 1 */

/* The end of a lease is in milliseconds of the server's clock. */
static void a_lease_ends_by_the_clock_of_the_server(void **state) {
    (void)state;
    rcache *cache = scene_open("layout=hash");
    struct database database = { .row = 1, .held = true };
    struct errand holder = { .cache = cache, .key = key_of("user"), .database = &database };
    errand_begin(&holder);
    wait_for(database.reading == 1);
    char lease[64];
    snprintf(lease, sizeof lease, "%s", test_store_command("HGET %s lockUntil", holder.key));
    const char *point = strchr(lease, '.');
    int64_t left_ms = (int64_t)(strtod(lease, NULL) * 1000 + 0.5) - server_now_ms();
    database.held = false;
    assert_string_equal(errand_end(&holder).text, "v1");
    assert_non_null(point);
    assert_in_range(strlen(point + 1), 1, 3);
    assert_in_range(left_ms, 1, LEASE_MS);
    rcache_close(cache);
}

/* ... and another's lease is waited for to the millisecond, not to the next whole second. */
static void a_lease_of_another_client_is_kept_to_the_millisecond(void **state) {
    (void)state;
    rcache *cache = scene_open("layout=hash");
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    int64_t end_ms = server_now_ms() + 400;
    test_store_command("HSET %s lockUntil %lld.%03d lockOwner other", key, (long long)(end_ms / 1000),
                       (int)(end_ms % 1000));
    test_store_command("PEXPIRE %s 10000", key);
    assert_string_equal(fetch(cache, key, &database, 0).text, "v1");
    assert_in_range(server_now_ms(), end_ms, end_ms + 400);
    rcache_close(cache);
}

/* ---- 2 */

/* A time to live is what was asked for, whatever `delay` is. */
static void a_ttl_no_longer_than_delay_is_cached(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    for (int i = 0; i < 3; i++) {
        rcache_result *result;
        assert_int_equal(rcache_op_run(fetch_op(cache, key, DELAY_MS), load_row, &database, &result), RCACHE_OK);
        rcache_result_free(result);
    }
    assert_int_equal(database.loads, 1);
    assert_in_range(ttl_ms_of(cache, key), DELAY_MS * 8 / 10, DELAY_MS);
    rcache_close(cache);
}

/* ---- 3 */

/* WAIT counts milliseconds; what too few replicas confirm is an error that says what was done all the same. */
static void an_unconfirmed_invalidation_is_applied_and_told(void **state) {
    (void)state;
    rcache *cache = scene_open("layout=hash&wait_replicas=1&wait_replicas_timeout=100ms");
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    fetch(cache, key, &database, 0);
    int64_t began_ms = scene_now_ms();
    struct answer answer = invalidate(cache, key);
    int64_t took_ms = scene_now_ms() - began_ms;
    assert_int_not_equal(answer.status, RCACHE_OK);
    assert_non_null(strstr(answer.message, "applied"));
    assert_in_range(took_ms, 90, PROMPT_MS);
    assert_string_equal(inspect(cache, key, "state"), "invalidated");
    rcache_close(cache);
}

/* ... and it waits on the connection that wrote: on another one there would be nothing to wait for. */
static void a_confirmed_invalidation_has_reached_the_replica(void **state) {
    (void)state;
    rcache *cache = scene_open("layout=hash&wait_replicas=1&wait_replicas_timeout=500ms");
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    char port[8], command[256];
    snprintf(port, sizeof port, "%u", store_now->port);
    test_store_command("CONFIG SET repl-diskless-sync-delay 0");
    struct store replica = { .name = "replica", .program = store_now->program };
    assert_true(test_store_start(&replica, (const char *[]){ "--replicaof", "127.0.0.1", port, NULL }));
    wait_for(strstr(test_store_command("INFO replication"), "state=online") != NULL);
    fetch(cache, key, &database, 0);
    struct answer confirmed = { .status = RCACHE_E_TIMEOUT };
    wait_for((confirmed = invalidate(cache, key)).status == RCACHE_OK);
    snprintf(command, sizeof command, "HGET %s lockUntil", key);
    assert_string_equal(command_to(&replica, command), "0");
    kill(replica.pid, SIGSTOP);
    struct answer unconfirmed = invalidate(cache, key);
    test_store_end(&replica, SIGKILL);
    test_store_remove(&replica);
    assert_int_not_equal(unconfirmed.status, RCACHE_OK);
    rcache_close(cache);
}

/* ---- 4 */

/* Of a batch, the key whose lease was lost is not stored; all others are, and none stays locked. */
static void a_lost_lease_in_a_batch_leaves_the_others_stored(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1, .held = true };
    const char *keys[] = { key_of("a"), key_of("b"), key_of("c") };
    struct batch_errand errand = { .cache = cache, .loader = load_row, .argument = &database };
    for (int i = 0; i < 3; i++)
        add_key(&errand.batch, keys[i]);
    assert_int_equal(pthread_create(&errand.thread, NULL, fetch_batch, &errand), 0);
    wait_for(database.reading == 1);
    database.row = 2;
    assert_int_equal(invalidate(cache, keys[0]).status, RCACHE_OK);
    database.held = false;
    pthread_join(errand.thread, NULL);
    assert_int_equal(errand.status, RCACHE_OK);
    rcache_result_free(errand.result);
    assert_string_equal(fetch(cache, keys[0], &database, 0).text, "v2");
    for (int i = 1; i < 3; i++) {
        struct answer answer = fetch(cache, keys[i], &database, 0);
        assert_int_equal(answer.outcome, RCACHE_HIT);
        assert_string_equal(answer.text, "v1");
    }
    assert_int_equal(counter(cache, "loads_lost"), 1);
    rcache_close(cache);
}

/* ---- 5 */

static void wait_in_another_process(const char *options) {
    rcache *loading = scene_open(NULL), *waiting = scene_open(options);
    struct database database = { .row = 1, .held = true };
    struct errand holder = { .cache = loading, .key = key_of(options), .database = &database };
    struct errand waiter = { .cache = waiting, .key = holder.key, .database = &database };
    errand_begin(&holder);
    wait_for(database.reading == 1);
    errand_begin(&waiter);
    wait_for(counter(waiting, "leases_busy") == 1);
    scene_pause_ms(300); /* so that it has begun to wait in earnest */
    int64_t released_ms = scene_now_ms();
    database.held = false;
    struct answer answer = errand_end(&waiter);
    int64_t took_ms = scene_now_ms() - released_ms;
    errand_end(&holder);
    assert_string_equal(answer.text, "v1");
    assert_in_range(took_ms, 0, PROMPT_MS / 2);
    assert_int_equal(database.loads, 1);
    rcache_close(loading);
    rcache_close(waiting);
}

/* Who waits for another process' load has its value soon after the put, however long `lock_sleep` is. */
static void waiters_have_the_value_promptly(void **state) {
    (void)state;
    wait_in_another_process("lock_sleep=10s");
    wait_in_another_process("lock_sleep=10s&resp=2");
}

/* ---- 6 */

/* A lock for update ends by itself when its holder has crashed. */
static void a_lock_for_update_has_an_end(void **state) {
    (void)state;
    rcache *cache = scene_open("strong_consistency=yes");
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    assert_int_equal(lock(cache, key, "crashed", 0, 0).status, RCACHE_OK);
    assert_in_range(ttl_ms_of(cache, key), 1, 60000);
    assert_int_equal(lock(cache, key, "crashed", 300, 0).status, RCACHE_OK);
    assert_in_range(ttl_ms_of(cache, key), 1, 300);
    int64_t locked_ms = scene_now_ms();
    struct answer answer = fetch(cache, key, &database, 0);
    assert_int_equal(answer.status, RCACHE_OK);
    assert_string_equal(answer.text, "v1");
    assert_in_range(scene_now_ms() - locked_ms, 200, PROMPT_MS);
    rcache_close(cache);
}

/* ---- 7 */

static void join_after_an_invalidation(uint32_t flags) {
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1, .held = true };
    struct errand older = { .cache = cache, .key = key_of(flags != 0 ? "strong" : "eventual"), .database = &database };
    errand_begin(&older);
    wait_for(database.reading == 1);
    database.row = 2;
    assert_int_equal(invalidate(cache, older.key).status, RCACHE_OK);
    struct errand joiner = { .cache = cache, .key = older.key, .database = &database, .flags = flags };
    errand_begin(&joiner);
    wait_for(counter(cache, "joined") == 1);
    database.held = false;
    errand_end(&older);
    assert_string_equal(errand_end(&joiner).text, "v2");
    rcache_close(cache);
}

/* Who fetches after an invalidation of its own never gets the value of a load that began before it. */
static void a_load_begun_before_a_write_is_not_joined(void **state) {
    (void)state;
    join_after_an_invalidation(0);
    join_after_an_invalidation(RCACHE_STRONG);
}

/* ---- 8 */

/* A hit is a plain read: no script runs on the server. */
static void hits_run_no_script(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    fetch(cache, key, &database, 0);
    test_store_command("CONFIG RESETSTAT");
    for (int i = 0; i < 100; i++)
        assert_int_equal(fetch(cache, key, &database, i % 2 == 0 ? 0 : RCACHE_STRONG).outcome, RCACHE_HIT);
    const char *stats = test_store_command("INFO commandstats");
    assert_null(strstr(stats, "cmdstat_eval"));
    assert_non_null(strstr(stats, "cmdstat_get:calls=100,"));
    rcache_close(cache);
}

/* ---- 9 */

/* An invalidation that does not reach the server is an error, soon, and works again when the server does. */
static void a_failed_invalidation_is_told(void **state) {
    (void)state;
    struct store *before = store_now, own = { .name = "own", .program = store_now->program };
    assert_true(test_store_start(&own, NULL));
    store_now = &own;
    rcache *cache = scene_open(NULL);
    store_now = before;
    const char *key = key_of("user");
    assert_int_equal(set(cache, key, "old", 100000).status, RCACHE_OK);
    test_store_end(&own, SIGKILL);
    for (int i = 0; i < 3; i++) {
        int64_t began_ms = scene_now_ms();
        struct answer answer = invalidate(cache, key);
        assert_int_equal(answer.status, RCACHE_E_QUEUED);
        assert_true(answer.message[0] != '\0');
        assert_in_range(scene_now_ms() - began_ms, 0, 3000);
    }
    assert_true(test_store_restart(&own, NULL));
    wait_for(invalidate(cache, key).status == RCACHE_OK);
    rcache_close(cache);
    test_store_end(&own, SIGKILL);
    test_store_remove(&own);
}

/* ---- 11 */

/* The lease of a missing key has a time to live, so that a loader that crashed leaves nothing for ever. */
static void a_lease_on_a_missing_key_has_an_end(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1, .held = true };
    struct errand holder = { .cache = cache, .key = key_of("user"), .database = &database };
    errand_begin(&holder);
    wait_for(database.reading == 1);
    int64_t ttl_ms = ttl_ms_of(cache, holder.key);
    database.held = false;
    errand_end(&holder);
    assert_in_range(ttl_ms, 1, LEASE_MS + 2000);
    rcache_close(cache);
}

/* ... and the next to come may load as soon as the lease has ended; the dead one's put stores nothing any more. */
static void a_crashed_loader_is_succeeded(void **state) {
    (void)state;
    rcache *crashing = scene_open("lock_expire=500ms"), *next = scene_open("lock_expire=500ms");
    struct database database = { .row = 2 };
    const char *key = key_of("user");
    rcache_op *op = fetch_op(crashing, key, 100000);
    rcache_event event;
    assert_int_equal(rcache_op_wait(op, -1, &event), RCACHE_EVENT_LOAD);
    rcache_op_free(op);
    rcache_close(crashing);
    int64_t crashed_ms = scene_now_ms();
    assert_string_equal(fetch(next, key, &database, 0).text, "v2");
    assert_in_range(scene_now_ms() - crashed_ms, 0, 500 + PROMPT_MS);
    rcache_load_value(event.load, 0, "v1", 2, 0);
    rcache_load_finish(event.load);
    assert_string_equal(get(next, key).text, "v2");
    rcache_close(next);
}

/* ---- 12 */

static void fail_to_refresh(uint32_t flags) {
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 2, .fails = true };
    const char *key = key_of(flags != 0 ? "inline" : "behind");
    set(cache, key, "old", 100000);
    assert_int_equal(invalidate(cache, key).status, RCACHE_OK);
    for (int i = 1; i <= 3; i++) {
        struct answer answer = fetch(cache, key, &database, flags);
        assert_int_equal(answer.outcome, RCACHE_STALE);
        assert_string_equal(answer.text, "old");
        assert_int_equal(database.loads, i);
    }
    assert_in_range(ttl_ms_of(cache, key), DELAY_MS * 7 / 10, DELAY_MS);
    database.fails = false;
    wait_for(strcmp(fetch(cache, key, &database, flags).text, "v2") == 0);
    rcache_close(cache);
}

/* A failed load takes nothing away: the stale value can be served on, as long as it could before. */
static void a_failed_load_keeps_the_stale_value(void **state) {
    (void)state;
    fail_to_refresh(0);
    fail_to_refresh(RCACHE_INLINE);
}

/* ---- 13 */

/* What `set` writes is what `fetch` and `get` read. */
static void set_and_fetch_agree(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    fetch(cache, key, &database, 0);
    assert_int_equal(set(cache, key, "written", 100000).status, RCACHE_OK);
    assert_string_equal(fetch(cache, key, &database, RCACHE_STRONG).text, "written");
    assert_string_equal(get(cache, key).text, "written");
    assert_int_equal(database.loads, 1);
    rcache_close(cache);
}

/* A plain string of another program can be got; to fetch it is an error in words, and it stays what it is. */
static void a_plain_string_is_got_but_not_fetched(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1 };
    const char *key = key_of("plain");
    test_store_command("SET %s text", key);
    struct answer answer = get(cache, key);
    assert_int_equal(answer.outcome, RCACHE_HIT);
    assert_string_equal(answer.text, "text");
    answer = fetch(cache, key, &database, 0);
    assert_int_equal(answer.status, RCACHE_E_TYPE);
    assert_non_null(strstr(answer.message, "plain"));
    assert_int_equal(database.loads, 0);
    assert_string_equal(test_store_command("GET %s", key), "text");
    rcache_close(cache);
}

/* ---- 14 */

/* No bytes are a value; no row is none. */
static void empty_is_not_absent(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database empty = { .empty = true }, absent = { .absent = true };
    const char *key = key_of("empty"), *other = key_of("absent"), *written = key_of("written");
    assert_int_equal(fetch(cache, key, &empty, 0).outcome, RCACHE_LOADED);
    assert_int_equal(fetch(cache, key, &empty, 0).outcome, RCACHE_HIT);
    assert_int_equal(get(cache, key).outcome, RCACHE_HIT);
    assert_int_equal(fetch(cache, other, &absent, 0).outcome, RCACHE_ABSENT);
    assert_int_equal(fetch(cache, other, &absent, 0).outcome, RCACHE_ABSENT);
    assert_int_equal(get(cache, other).outcome, RCACHE_ABSENT);
    assert_int_equal(absent.loads, 1);
    assert_int_equal(set(cache, written, "", 100000).status, RCACHE_OK);
    assert_int_equal(fetch(cache, written, &absent, 0).outcome, RCACHE_HIT);
    rcache_close(cache);
}

/* ---- 15 */

struct waiter {
    pthread_t thread;
    rcache_op *op;
    int32_t status;
};

static void *wait_for_op(void *argument) {
    struct waiter *waiter = argument;
    waiter->status = rcache_op_run(waiter->op, NULL, NULL, NULL);
    return NULL;
}

/* Who gives up, gives up alone: by a deadline, by a cancel from another thread, even as the one who began the load. */
static void giving_up_hurts_nobody_else(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database unused = { .row = 0 };
    const char *key = key_of("user");
    rcache_op *first = fetch_op(cache, key, 100000);
    rcache_event load, done;
    assert_int_equal(rcache_op_wait(first, -1, &load), RCACHE_EVENT_LOAD);
    struct errand patient = { .cache = cache, .key = key, .database = &unused };
    errand_begin(&patient);
    struct waiter canceled = { .op = fetch_op(cache, key, 100000) };
    assert_int_equal(pthread_create(&canceled.thread, NULL, wait_for_op, &canceled), 0);
    wait_for(counter(cache, "joined") == 2);
    int64_t began_ms = scene_now_ms();
    assert_int_equal(fetch_until(cache, key, &unused, 0, 100).status, RCACHE_E_TIMEOUT);
    rcache_op_cancel(canceled.op);
    pthread_join(canceled.thread, NULL);
    assert_int_equal(canceled.status, RCACHE_E_CANCELED);
    rcache_op_cancel(first);
    assert_int_equal(rcache_op_wait(first, -1, &done), RCACHE_EVENT_DONE);
    assert_int_equal(done.value.status, RCACHE_E_CANCELED);
    rcache_result_free(done.result);
    assert_in_range(scene_now_ms() - began_ms, 100, PROMPT_MS);
    rcache_load_value(load.load, 0, "v9", 2, 0);
    rcache_load_finish(load.load);
    assert_string_equal(errand_end(&patient).text, "v9");
    assert_int_equal(unused.loads, 0);
    assert_int_equal(fetch(cache, key, &unused, 0).outcome, RCACHE_HIT);
    rcache_close(cache);
}

/* A refresh behind a stale answer outlives the call that it came from. */
static void a_refresh_outlives_its_caller(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database unused = { .row = 0 };
    const char *key = key_of("user");
    set(cache, key, "old", 100000);
    invalidate(cache, key);
    rcache_event event;
    assert_int_equal(rcache_op_wait(fetch_op(cache, key, 100000), -1, &event), RCACHE_EVENT_DONE);
    assert_int_equal(event.value.outcome, RCACHE_STALE);
    assert_non_null(event.load);
    rcache_result_free(event.result);
    rcache_load_value(event.load, 0, "new", 3, 0);
    rcache_load_finish(event.load);
    wait_for(strcmp(fetch(cache, key, &unused, 0).text, "new") == 0);
    assert_int_equal(unused.loads, 0);
    rcache_close(cache);
}

/* ---- 16 */

/* Answers the first key, fails the second, says nothing of the third. */
static void load_in_part(rcache_load *load, void *argument) {
    (void)argument;
    rcache_load_value(load, 0, "loaded", 6, 0);
    rcache_load_fail(load, 1, "no such table");
    rcache_load_finish(load);
}

/* Each key of a batch that has no value has an error, and the others their values. */
static void a_failing_batch_loader_is_an_error_per_key(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct batch_errand errand = { .cache = cache, .loader = load_in_part };
    const char *names[] = { "good", "failed", "forgotten" };
    for (int i = 0; i < 3; i++)
        add_key(&errand.batch, key_of(names[i]));
    fetch_batch(&errand);
    assert_int_equal(errand.status, RCACHE_E_LOADER);
    assert_int_equal(errand.values[0].outcome, RCACHE_LOADED);
    assert_string_equal(rcache_result_message(errand.result, 0), "");
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(errand.values[i].outcome, RCACHE_FAILED);
        assert_int_equal(errand.values[i].status, RCACHE_E_LOADER);
        assert_non_null(strstr(rcache_result_message(errand.result, i), names[i]));
    }
    assert_non_null(strstr(rcache_result_message(errand.result, 1), "no such table"));
    rcache_result_free(errand.result);
    rcache_close(cache);
}

/* A loaded value that could not be stored is counted, and the load is told that it is not wanted any more. */
static void a_refused_put_is_told(void **state) {
    (void)state;
    rcache *cache = scene_open("lock_expire=90ms");
    const char *key = key_of("user");
    rcache_op *op = fetch_op(cache, key, 100000);
    rcache_event event;
    assert_int_equal(rcache_op_wait(op, -1, &event), RCACHE_EVENT_LOAD);
    assert_int_equal(rcache_load_wanted(event.load), 1);
    invalidate(cache, key);
    wait_for(rcache_load_wanted(event.load) == 0);
    rcache_load_value(event.load, 0, "v1", 2, 0);
    rcache_load_finish(event.load);
    assert_int_equal(rcache_op_wait(op, -1, &event), RCACHE_EVENT_DONE);
    assert_int_equal(event.value.outcome, RCACHE_LOADED);
    rcache_result_free(event.result);
    assert_int_equal(counter(cache, "loads_lost"), 1);
    assert_int_equal(counter(cache, "loads_stored"), 0);
    assert_int_equal(get(cache, key).outcome, RCACHE_ABSENT);
    rcache_close(cache);
}

/* ---- 17 */

/* An invalidation leaves another's lock for update alone, and after its unlock the new value is read. */
static void an_invalidation_does_not_break_a_lock_for_update(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    fetch(cache, key, &database, 0);
    assert_int_equal(lock(cache, key, "writer", 5000, 0).status, RCACHE_OK);
    assert_int_equal(invalidate(cache, key).status, RCACHE_OK);
    assert_string_equal(inspect(cache, key, "state"), "locked");
    assert_string_equal(inspect(cache, key, "owner"), "writer");
    assert_int_equal(lock(cache, key, "other", 5000, 0).status, RCACHE_E_LOST);
    assert_int_equal(fetch_until(cache, key, &database, RCACHE_STRONG, 100).status, RCACHE_E_TIMEOUT);
    database.row = 2;
    assert_int_equal(unlock(cache, key, "writer").status, RCACHE_OK);
    assert_string_equal(fetch(cache, key, &database, RCACHE_STRONG).text, "v2");
    assert_int_equal(database.loads, 2);
    rcache_close(cache);
}

/* ... also when the lock had ended before the unlock, and a reader has stored the old value since. */
static void an_unlock_always_invalidates(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    assert_int_equal(lock(cache, key, "slow writer", 50, 0).status, RCACHE_OK);
    assert_string_equal(fetch(cache, key, &database, RCACHE_STRONG).text, "v1");
    database.row = 2;
    assert_int_equal(unlock(cache, key, "slow writer").status, RCACHE_OK);
    assert_string_equal(fetch(cache, key, &database, RCACHE_STRONG).text, "v2");
    rcache_close(cache);
}

/* ---- 18 */

/* A hit is the value, alone and in a batch. */
static void a_hit_returns_the_value(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct batch_errand errand = { .cache = cache };
    const char *names[] = { "a", "b" };
    for (int i = 0; i < 2; i++) {
        set(cache, key_of(names[i]), names[i], 100000);
        add_key(&errand.batch, key_of(names[i]));
    }
    struct answer answer = fetch(cache, key_of("a"), NULL, 0);
    assert_int_equal(answer.outcome, RCACHE_HIT);
    assert_string_equal(answer.text, "a");
    fetch_batch(&errand);
    assert_int_equal(errand.status, RCACHE_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(errand.values[i].outcome, RCACHE_HIT);
        assert_int_equal(errand.values[i].size, 1);
        assert_memory_equal(errand.values[i].data, names[i], 1);
    }
    rcache_result_free(errand.result);
    rcache_close(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ttl_no_longer_than_delay_is_cached),
        cmocka_unit_test(a_lost_lease_in_a_batch_leaves_the_others_stored),
        cmocka_unit_test(a_lock_for_update_has_an_end),
        cmocka_unit_test(a_load_begun_before_a_write_is_not_joined),
        cmocka_unit_test(a_lease_on_a_missing_key_has_an_end),
        cmocka_unit_test(a_failed_load_keeps_the_stale_value),
        cmocka_unit_test(set_and_fetch_agree),
        cmocka_unit_test(empty_is_not_absent),
        cmocka_unit_test(giving_up_hurts_nobody_else),
        cmocka_unit_test(a_refresh_outlives_its_caller),
        cmocka_unit_test(a_failing_batch_loader_is_an_error_per_key),
        cmocka_unit_test(a_refused_put_is_told),
        cmocka_unit_test(an_invalidation_does_not_break_a_lock_for_update),
        cmocka_unit_test(an_unlock_always_invalidates),
        cmocka_unit_test(a_hit_returns_the_value),
    };
    const struct CMUnitTest on_servers[] = {
        cmocka_unit_test(a_lease_ends_by_the_clock_of_the_server),
        cmocka_unit_test(a_lease_of_another_client_is_kept_to_the_millisecond),
        cmocka_unit_test(an_unconfirmed_invalidation_is_applied_and_told),
        cmocka_unit_test(a_confirmed_invalidation_has_reached_the_replica),
        cmocka_unit_test(waiters_have_the_value_promptly),
        cmocka_unit_test(hits_run_no_script),
        cmocka_unit_test(a_failed_invalidation_is_told),
        cmocka_unit_test(a_crashed_loader_is_succeeded),
        cmocka_unit_test(a_plain_string_is_got_but_not_fetched),
    };
    const struct scene_tests groups[] = {
        { "mistakes", tests, sizeof tests / sizeof tests[0], false },
        { "mistakes with a server", on_servers, sizeof on_servers / sizeof on_servers[0], true },
    };
    return scene_run(groups, sizeof groups / sizeof groups[0]);
}
