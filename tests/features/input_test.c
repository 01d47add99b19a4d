/* What a user may get wrong, and what may go wrong around a user: an error in words, never a crash or a hang.
 * All in one file: one program starts the servers once. */
#define _GNU_SOURCE
#include "support/scene.h"
#include "support/stores.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROMPT_MS = 2000 };

/* ---- helpers */

static void assert_refused(rcache_op *op, int32_t status, const char *word) {
    struct answer answer = run_one(op);
    if (answer.status != status || strstr(answer.message, word) == NULL)
        fail_msg("%s with '%s' expected, not %s: %s", rcache_status_name(status), word,
                 rcache_status_name(answer.status), answer.message);
    assert_int_equal(answer.outcome, RCACHE_FAILED);
}

static void assert_not_opened(const char *url, const char *word) {
    rcache *cache = (rcache *)(uintptr_t)1;
    rcache_error err = RCACHE_ERROR_INIT;
    assert_int_equal(rcache_open(url, NULL, &cache, &err), RCACHE_E_INVALID);
    assert_null(cache);
    if (strstr(err.message, word) == NULL)
        fail_msg("%s: '%s' expected in: %s", url != NULL ? url : "NULL", word, err.message);
}

static rcache *open_url(const char *url) {
    rcache *cache;
    rcache_error err;
    if (rcache_open(url, NULL, &cache, &err) != RCACHE_OK)
        fail_msg("%s: %s", url, err.message);
    return cache;
}

static struct answer set_by_url(const char *url, const char *key) {
    rcache *cache = open_url(url);
    struct answer answer = set(cache, key, "value", 100000);
    rcache_close(cache);
    return answer;
}

/* A server of its own, which the tests may stop. */
static struct store own;

static void start_own(void) {
    own = (struct store){ .name = "own", .program = store_now->program };
    assert_true(test_store_start(&own, NULL));
}

static rcache *open_own(const char *options) {
    char url[256];
    start_own();
    snprintf(url, sizeof url, "%s?%s", own.url, options);
    return open_url(url);
}

static void end_own(void) {
    test_store_end(&own, SIGKILL);
    test_store_remove(&own);
}

static const char *command_to_own(const char *command) {
    struct store *before = store_now;
    store_now = &own;
    const char *reply = test_store_command(command);
    store_now = before;
    return reply;
}

/* ---- wrong arguments */

static void a_ttl_is_positive(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    const char *key = key_of("user");
    const uint32_t size = (uint32_t)strlen(key), value_size = 1;
    const int64_t wrong[] = { 0, -1, INT64_MIN };
    for (size_t i = 0; i < 3; i++) {
        assert_refused(rcache_op_fetch(cache, key, &size, 1, wrong[i], NULL), RCACHE_E_INVALID, "ttl_ms");
        assert_refused(rcache_op_set(cache, key, &size, "v", &value_size, 1, wrong[i], NULL), RCACHE_E_INVALID,
                       "ttl_ms");
    }
    assert_int_equal(get(cache, key).outcome, RCACHE_ABSENT);
    rcache_close(cache);
}

/* The longest there are: no overflow makes them short. */
static void times_may_be_as_long_as_they_like(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    const int64_t long_ms[] = { INT64_C(1) << 40, INT64_MAX / 2, INT64_MAX };
    for (size_t i = 0; i < 3; i++) {
        struct answer answer = set(cache, key, "value", long_ms[i]);
        if (answer.status == RCACHE_OK)
            assert_string_equal(fetch_until(cache, key, &database, 0, long_ms[i]).text, "value");
        else
            assert_true(answer.message[0] != '\0');
    }
    assert_int_equal(invalidate(cache, key).status, RCACHE_OK);
    rcache_close(cache);
}

static void calls_are_checked(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    const char *key = key_of("user");
    const uint32_t size = (uint32_t)strlen(key);
    rcache_call call = { .struct_size = sizeof call, .deadline_ms = -1 };
    assert_refused(rcache_op_get(cache, key, &size, 1, &call), RCACHE_E_INVALID, "deadline_ms");
    call = (rcache_call){ .struct_size = sizeof call, .flags = RCACHE_STRONG | RCACHE_EVENTUAL };
    assert_refused(rcache_op_fetch(cache, key, &size, 1, 1000, &call), RCACHE_E_INVALID, "RCACHE_EVENTUAL");
    call.flags = 1u << 20;
    assert_refused(rcache_op_fetch(cache, key, &size, 1, 1000, &call), RCACHE_E_INVALID, "0x100000");
    call.flags = RCACHE_INTENT;
    assert_refused(rcache_op_fetch(cache, key, &size, 1, 1000, &call), RCACHE_E_INVALID, "RCACHE_INTENT");
    assert_refused(rcache_op_unlock(cache, key, &size, 1, "owner", 5, &call), RCACHE_E_INVALID, "RCACHE_INTENT");
    call = (rcache_call){ .struct_size = sizeof call, .version = 1 };
    assert_refused(rcache_op_get(cache, key, &size, 1, &call), RCACHE_E_INVALID, "version");
    call.version = UINT64_MAX;
    assert_refused(rcache_op_invalidate(cache, key, &size, 1, &call), RCACHE_E_INVALID, "version");
    call = (rcache_call){ .struct_size = 4, .flags = 1u << 20, .deadline_ms = -1 }; /* of an older header: no fields */
    rcache_op *op = rcache_op_get(cache, key, &size, 1, &call);
    assert_int_equal(run_one(op).status, RCACHE_OK);
    rcache_close(cache);
}

static void owners_are_checked(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    const char *key = key_of("user");
    const uint32_t size = (uint32_t)strlen(key);
    static char owner[64 * 1024];
    memset(owner, 'o', sizeof owner);
    assert_refused(rcache_op_lock(cache, key, &size, 1, "", 0, 1000, NULL), RCACHE_E_INVALID, "owner");
    assert_refused(rcache_op_lock(cache, key, &size, 1, NULL, 3, 1000, NULL), RCACHE_E_INVALID, "owner");
    assert_refused(rcache_op_renew(cache, key, &size, 1, "", 0, 1000, NULL), RCACHE_E_INVALID, "owner");
    assert_refused(rcache_op_unlock(cache, key, &size, 1, "", 0, NULL), RCACHE_E_INVALID, "owner");
    assert_refused(rcache_op_lock(cache, key, &size, 1, owner, sizeof owner, 1000, NULL), RCACHE_E_LIMIT, "owner");
    assert_refused(rcache_op_lock(cache, key, &size, 1, "owner", 5, -1, NULL), RCACHE_E_INVALID, "lease_ms");
    assert_refused(rcache_op_lock(cache, key, &size, 1, "owner", 5, INT64_MAX, NULL), RCACHE_E_INVALID, "100 years");
    assert_refused(rcache_op_fetch(cache, key, &size, 1, INT64_MAX, NULL), RCACHE_E_INVALID, "100 years");
    assert_string_equal(inspect(cache, key, "state"), "");
    rcache_close(cache);
}

static void keys_are_checked(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    const uint32_t size = 3, huge = UINT32_MAX, empty = 0;
    assert_refused(rcache_op_get(cache, "key", &huge, 1, NULL), RCACHE_E_LIMIT, "bytes");
    assert_refused(rcache_op_get(cache, NULL, &size, 1, NULL), RCACHE_E_INVALID, "keys is NULL");
    assert_refused(rcache_op_get(cache, "key", NULL, 1, NULL), RCACHE_E_INVALID, "key_sizes");
    assert_refused(rcache_op_get(cache, "key", &size, SIZE_MAX, NULL), RCACHE_E_LIMIT, "keys");
    assert_refused(rcache_op_set(cache, "key", &size, NULL, &size, 1, 1000, NULL), RCACHE_E_INVALID, "values");
    assert_refused(rcache_op_set(cache, "key", &size, "v", NULL, 1, 1000, NULL), RCACHE_E_INVALID, "value_sizes");
    assert_refused(rcache_op_set(cache, "key", &size, "v", &huge, 1, 1000, NULL), RCACHE_E_LIMIT, "value");
    rcache_op *none = rcache_op_get(cache, NULL, NULL, 0, NULL);
    rcache_result *result;
    assert_int_equal(rcache_op_run(none, NULL, NULL, &result), RCACHE_OK);
    assert_int_equal(rcache_result_values(result, NULL, 0), 0);
    rcache_result_free(result);
    none = rcache_op_get(cache, NULL, &empty, 1, NULL); /* a key without bytes is a key */
    assert_int_equal(rcache_op_run(none, NULL, NULL, NULL), RCACHE_OK);
    rcache_close(cache);
}

static void null_is_refused_or_ignored(void **state) {
    (void)state;
    const uint32_t size = 3;
    struct database database = { .row = 1 };
    rcache_error err;
    assert_refused(rcache_op_get(NULL, "key", &size, 1, NULL), RCACHE_E_INVALID, "cache is NULL");
    assert_refused(rcache_op_fetch(NULL, "key", &size, 1, 1000, NULL), RCACHE_E_INVALID, "cache is NULL");
    assert_refused(rcache_op_set(NULL, "key", &size, "val", &size, 1, 1000, NULL), RCACHE_E_INVALID, "cache is NULL");
    assert_refused(rcache_op_lock(NULL, "key", &size, 1, "o", 1, 1000, NULL), RCACHE_E_INVALID, "cache is NULL");
    assert_int_equal(rcache_fetch(NULL, "key", 3, 1000, load_row, &database, NULL, NULL), RCACHE_E_INVALID);
    assert_int_equal(rcache_open(store_now->url, NULL, NULL, &err), RCACHE_E_INVALID);
    assert_int_equal(rcache_open(store_now->url, NULL, NULL, NULL), RCACHE_E_INVALID);
    assert_not_opened(NULL, "URL");
    rcache_event event;
    assert_int_equal(rcache_op_wait(NULL, 0, &event), RCACHE_EVENT_DONE);
    assert_int_equal(event.value.status, RCACHE_E_MISUSE);
    rcache_result_free(event.result);
    rcache_result_free(NULL);
    rcache_op_cancel(NULL);
    rcache_op_free(NULL);
    rcache_options_free(NULL);
    rcache_close(NULL);
    assert_int_equal(rcache_stats(NULL, NULL, 0), 0);
    rcache *cache = open_url(store_now->url);
    const char *key = key_of("user");
    const uint32_t key_size = (uint32_t)strlen(key);
    assert_true(rcache_stats(cache, NULL, 0) > 0);
    assert_refused(rcache_op_fetch(cache, key, &key_size, 1, 1000, NULL), RCACHE_E_LOADER, "no loader");
    assert_int_equal(rcache_op_run(rcache_op_get(cache, key, &key_size, 1, NULL), NULL, NULL, NULL), RCACHE_OK);
    rcache_op_free(rcache_op_get(cache, key, &key_size, 1, NULL));
    rcache_close(cache);
}

static void an_unknown_option_names_the_nearest(void **state) {
    (void)state;
    char url[256];
    rcache_error err;
    snprintf(url, sizeof url, "%s?lock_expires=3s", store_now->url);
    assert_not_opened(url, "lock_expire");
    snprintf(url, sizeof url, "%s?strong_consistancy=yes", store_now->url);
    assert_not_opened(url, "strong_consistency");
    snprintf(url, sizeof url, "%s?lock_expire=soon", store_now->url);
    assert_not_opened(url, "lock_expire");
    rcache_options *options = rcache_options_new();
    assert_int_equal(rcache_options_set(options, "dealy", "1s", &err), RCACHE_E_INVALID);
    assert_non_null(strstr(err.message, "delay"));
    assert_int_equal(rcache_options_set(options, "delay", "0", &err), RCACHE_E_INVALID);
    assert_int_equal(rcache_options_set(options, NULL, "1s", &err), RCACHE_E_INVALID);
    assert_int_equal(rcache_options_set(options, "delay", NULL, NULL), RCACHE_E_INVALID);
    assert_int_equal(rcache_options_set(NULL, "delay", "1s", &err), RCACHE_E_INVALID);
    rcache_options_free(options);
}

static void malformed_urls_are_refused(void **state) {
    (void)state;
    const char *const urls[] = { "",
                                 "localhost",
                                 "localhost:6379",
                                 "http://localhost",
                                 "redis://host:0",
                                 "redis://host:99999",
                                 "redis://host:port",
                                 "redis://[::1",
                                 "redis://host/first",
                                 "redis://host/-1",
                                 "unix://",
                                 "memory://host",
                                 "redis://host?delay",
                                 "redis://%zz@host" };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        assert_not_opened(urls[i], "");
    rcache *cache;
    rcache_error err;
    assert_int_equal(rcache_open("redis://user:hidden@host:99999", NULL, &cache, &err), RCACHE_E_INVALID);
    assert_null(strstr(err.message, "hidden"));
}

/* ---- the way to the server */

static void no_server_is_an_error_soon(void **state) {
    (void)state;
    struct database database = { .row = 1 };
    start_own();
    end_own();
    rcache *cache = open_url(own.url);
    int64_t began_ms = scene_now_ms();
    const char *key = key_of("user");
    struct answer answer = fetch(cache, key, &database, RCACHE_STRONG);
    assert_int_equal(answer.status, RCACHE_E_UNAVAILABLE);
    assert_true(rcache_status_retriable(answer.status));
    assert_true(answer.message[0] != '\0');
    assert_int_equal(set(cache, key, "value", 1000).status, RCACHE_E_UNAVAILABLE);
    assert_int_equal(get(cache, key).status, RCACHE_E_UNAVAILABLE);
    assert_in_range(scene_now_ms() - began_ms, 0, PROMPT_MS);
    rcache_close(cache);
    assert_int_equal(set_by_url("unix:///tmp/no-such-socket", key).status, RCACHE_E_UNAVAILABLE);
}

static void users_and_passwords(void **state) {
    (void)state;
    char url[256];
    const char *key = key_of("user");
    start_own();
    command_to_own("ACL SETUSER app on >word ~* &* +@all");
    command_to_own("CONFIG SET requirepass se/cret");
    snprintf(url, sizeof url, "redis://:se%%2Fcret@127.0.0.1:%u", own.port);
    assert_int_equal(set_by_url(url, key).status, RCACHE_OK);
    snprintf(url, sizeof url, "redis://app:word@127.0.0.1:%u?resp=2", own.port);
    assert_int_equal(set_by_url(url, key).status, RCACHE_OK);
    const char *const wrong[] = { "", ":hidden@", "app:hidden@", "nobody:hidden@" };
    for (size_t i = 0; i < 4; i++)
        for (int resp = 2; resp <= 3; resp++) {
            snprintf(url, sizeof url, "redis://%s127.0.0.1:%u?resp=%d", wrong[i], own.port, resp);
            struct answer answer = set_by_url(url, key);
            if (answer.status != RCACHE_E_AUTH)
                fail_msg("%s: %s %s", url, rcache_status_name(answer.status), answer.message);
            assert_null(strstr(answer.message, "hidden"));
        }
    end_own();
}

static void databases_are_apart(void **state) {
    (void)state;
    char url[256];
    const char *key = key_of("user");
    snprintf(url, sizeof url, "%s/3", store_now->url);
    assert_int_equal(set_by_url(url, key).status, RCACHE_OK);
    rcache *first = scene_open(NULL), *third = scene_open("db=3");
    assert_int_equal(get(first, key).outcome, RCACHE_ABSENT);
    assert_string_equal(get(third, key).text, "value");
    rcache_close(first);
    rcache_close(third);
    snprintf(url, sizeof url, "%s/4000", store_now->url);
    struct answer answer = set_by_url(url, key);
    assert_int_not_equal(answer.status, RCACHE_OK);
    assert_true(answer.message[0] != '\0');
}

static void a_unix_socket_will_do(void **state) {
    (void)state;
    char url[256];
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    snprintf(url, sizeof url, "unix://%s/socket?db=2", store_now->directory);
    rcache *cache = open_url(url);
    assert_string_equal(fetch(cache, key, &database, 0).text, "v1");
    assert_int_equal(invalidate(cache, key).status, RCACHE_OK);
    database.row = 2;
    assert_string_equal(fetch(cache, key, &database, RCACHE_STRONG).text, "v2");
    rcache_close(cache);
}

static void the_older_wire_protocol_will_do(void **state) {
    (void)state;
    rcache *cache = scene_open("resp=2");
    struct database database = { .row = 1 }, absent = { .absent = true };
    const char *key = key_of("user");
    assert_string_equal(fetch(cache, key, &database, 0).text, "v1");
    assert_int_equal(fetch(cache, key, &database, 0).outcome, RCACHE_HIT);
    assert_int_equal(fetch(cache, key_of("nobody"), &absent, 0).outcome, RCACHE_ABSENT);
    assert_int_equal(lock(cache, key, "writer", 1000, 0).status, RCACHE_OK);
    database.row = 2;
    assert_int_equal(unlock(cache, key, "writer").status, RCACHE_OK);
    assert_string_equal(fetch(cache, key, &database, RCACHE_STRONG).text, "v2");
    assert_string_equal(inspect(cache, key, "state"), "fresh");
    assert_int_equal(delete_key(cache, key).outcome, RCACHE_DONE);
    assert_int_equal(delete_key(cache, key).outcome, RCACHE_ABSENT);
    rcache_close(cache);
}

/* ---- the server in trouble */

static struct answer fetch_reconnected(rcache *cache, const char *key, struct database *database) {
    struct answer answer;
    wait_for((answer = fetch(cache, key, database, RCACHE_STRONG)).status == RCACHE_OK);
    return answer;
}

/* The server goes in the middle of a load: who loads and who waits have an answer, and later all is well again. */
static void a_server_killed_in_mid_call(void **state) {
    (void)state;
    rcache *cache = open_own("op_timeout=300ms");
    rcache *other = open_url(own.url);
    struct database database = { .row = 1, .held = true };
    struct errand loading = { .cache = cache, .key = key_of("user"), .database = &database };
    struct errand joined = loading, waiting = loading;
    waiting.cache = other;
    errand_begin(&loading);
    wait_for(database.reading == 1);
    errand_begin(&joined);
    errand_begin(&waiting);
    wait_for(counter(cache, "joined") == 1 && counter(other, "leases_busy") >= 1);
    test_store_end(&own, SIGKILL);
    int64_t killed_ms = scene_now_ms();
    wait_for(database.reading == 2); /* past the cache */
    assert_in_range(scene_now_ms() - killed_ms, 0, 10000);
    database.held = false;
    assert_string_equal(errand_end(&loading).text, "v1");
    assert_string_equal(errand_end(&joined).text, "v1");
    assert_string_equal(errand_end(&waiting).text, "v1");
    assert_true(test_store_restart(&own, NULL));
    database.row = 2;
    assert_string_equal(fetch_reconnected(cache, loading.key, &database).text, "v2");
    assert_string_equal(fetch_reconnected(other, loading.key, &database).text, "v2");
    rcache_close(cache);
    rcache_close(other);
    end_own();
}

/* A server that does not answer is given `op_timeout`; one that answers again is used again. */
static void a_stopped_server_is_given_op_timeout(void **state) {
    (void)state;
    rcache *cache = open_own("op_timeout=200ms&connect_timeout=200ms");
    struct database database = { .row = 1 };
    const char *key = key_of("user"), *cold = key_of("cold");
    assert_int_equal(set(cache, key, "value", 100000).status, RCACHE_OK);
    kill(own.pid, SIGSTOP);
    int64_t began_ms = scene_now_ms();
    struct answer read = get(cache, key);
    int64_t took_ms = scene_now_ms() - began_ms;
    struct answer loaded = fetch(cache, cold, &database, RCACHE_STRONG), written = invalidate(cache, key);
    int64_t all_ms = scene_now_ms() - began_ms;
    kill(own.pid, SIGCONT);
    assert_int_equal(read.status, RCACHE_E_UNAVAILABLE);
    assert_in_range(took_ms, 150, 1200);
    assert_int_not_equal(loaded.status, RCACHE_OK);
    assert_int_not_equal(written.status, RCACHE_OK);
    assert_in_range(all_ms, 150, 3000);
    wait_for(strcmp(get(cache, key).text, "value") == 0);
    rcache_close(cache);
    end_own();
}

/* A deadline shorter than op_timeout ends the call, not the connection. */
static void a_deadline_ends_a_call_to_a_stopped_server(void **state) {
    (void)state;
    rcache *cache = open_own("op_timeout=5s&connect_timeout=5s&deadline=150ms");
    const char *key = key_of("user");
    assert_int_equal(set(cache, key, "value", 100000).status, RCACHE_OK);
    kill(own.pid, SIGSTOP);
    int64_t began_ms = scene_now_ms();
    struct answer answer = get(cache, key);
    int64_t took_ms = scene_now_ms() - began_ms;
    kill(own.pid, SIGCONT);
    assert_int_equal(answer.status, RCACHE_E_TIMEOUT);
    assert_in_range(took_ms, 100, 1500);
    wait_for(strcmp(get(cache, key).text, "value") == 0);
    rcache_close(cache);
    end_own();
}

/* ---- closing and forking */

/* Ops begun before the close end with CLOSED, wherever they are; a load that was handed out may be finished later. */
static void ops_end_when_the_cache_is_closed(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    const char *key = key_of("user");
    const uint32_t size = (uint32_t)strlen(key);
    struct database unused = { .row = 0 };
    rcache_op *loading = rcache_op_fetch(cache, key, &size, 1, 1000, NULL);
    rcache_op *unused_op = rcache_op_get(cache, key, &size, 1, NULL);
    rcache_event load, done;
    assert_int_equal(rcache_op_wait(loading, -1, &load), RCACHE_EVENT_LOAD);
    struct errand joined = { .cache = cache, .key = key, .database = &unused };
    errand_begin(&joined);
    wait_for(counter(cache, "joined") == 1);
    int64_t closed_ms = scene_now_ms();
    rcache_close(cache);
    assert_int_equal(errand_end(&joined).status, RCACHE_E_CLOSED);
    assert_int_equal(rcache_op_wait(loading, -1, &done), RCACHE_EVENT_DONE);
    assert_int_equal(done.value.status, RCACHE_E_CLOSED);
    assert_in_range(scene_now_ms() - closed_ms, 0, PROMPT_MS);
    rcache_result_free(done.result);
    rcache_op_free(unused_op);
    size_t key_size;
    assert_memory_equal(rcache_load_key(load.load, 0, &key_size), key, size);
    rcache_load_value(load.load, 0, "late", 4, 0);
    rcache_load_finish(load.load);
    assert_int_equal(unused.loads, 0);
}

/* ... also those that nobody has waited for yet. */
static void ops_not_begun_end_when_the_cache_is_closed(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    const char *key = key_of("user");
    const uint32_t size = (uint32_t)strlen(key);
    struct database unused = { .row = 0 };
    rcache_op *loading = rcache_op_fetch(cache, key, &size, 1, 1000, NULL);
    rcache_op *reading = rcache_op_get(cache, key, &size, 1, NULL);
    rcache_close(cache);
    assert_int_equal(rcache_op_run(loading, load_row, &unused, NULL), RCACHE_E_CLOSED);
    assert_int_equal(run_one(reading).status, RCACHE_E_CLOSED);
    assert_int_equal(unused.loads, 0);
}

/* What goes wrong in the child: 0 for nothing. */
static int use_in_child(rcache *cache, rcache_op *op, rcache_load *load, const char *key) {
    const uint32_t size = (uint32_t)strlen(key);
    rcache_event event;
    if (rcache_op_run(rcache_op_get(cache, key, &size, 1, NULL), NULL, NULL, NULL) != RCACHE_E_FORKED)
        return 1;
    if (rcache_op_wait(op, -1, &event) != RCACHE_EVENT_DONE || event.value.status != RCACHE_E_FORKED)
        return 2;
    rcache_result_free(event.result);
    rcache_op_cancel(op);
    rcache_op_free(op);
    rcache_load_finish(load);
    rcache_stats(cache, NULL, 0);
    rcache_close(cache);
    rcache *fresh;
    if (rcache_open(store_now->url, NULL, &fresh, NULL) != RCACHE_OK)
        return 3;
    if (rcache_op_run(rcache_op_get(fresh, key, &size, 1, NULL), NULL, NULL, NULL) != RCACHE_OK)
        return 4;
    rcache_close(fresh);
    return 0;
}

/* The child of a fork is told that it has to open its own; the parent doesn't notice. */
static void a_fork_leaves_the_parent_alone(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1 };
    const char *key = key_of("user"), *other = key_of("other");
    const uint32_t size = (uint32_t)strlen(other);
    assert_string_equal(fetch(cache, key, &database, 0).text, "v1");
    rcache_op *op = rcache_op_fetch(cache, other, &size, 1, 100000, NULL);
    rcache_event load, done;
    assert_int_equal(rcache_op_wait(op, -1, &load), RCACHE_EVENT_LOAD);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        _exit(use_in_child(cache, op, load.load, key));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    rcache_load_value(load.load, 0, "loaded", 6, 0);
    rcache_load_finish(load.load);
    assert_int_equal(rcache_op_wait(op, -1, &done), RCACHE_EVENT_DONE);
    assert_int_equal(done.value.outcome, RCACHE_LOADED);
    rcache_result_free(done.result);
    assert_int_equal(fetch(cache, key, &database, 0).outcome, RCACHE_HIT);
    assert_int_equal(fetch(cache, other, &database, RCACHE_STRONG).outcome, RCACHE_HIT);
    rcache_close(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ttl_is_positive),
        cmocka_unit_test(times_may_be_as_long_as_they_like),
        cmocka_unit_test(calls_are_checked),
        cmocka_unit_test(owners_are_checked),
        cmocka_unit_test(keys_are_checked),
        cmocka_unit_test(null_is_refused_or_ignored),
        cmocka_unit_test(an_unknown_option_names_the_nearest),
        cmocka_unit_test(malformed_urls_are_refused),
        cmocka_unit_test(ops_end_when_the_cache_is_closed),
        cmocka_unit_test(ops_not_begun_end_when_the_cache_is_closed),
        cmocka_unit_test(a_fork_leaves_the_parent_alone),
    };
    const struct CMUnitTest on_servers[] = {
        cmocka_unit_test(no_server_is_an_error_soon),
        cmocka_unit_test(users_and_passwords),
        cmocka_unit_test(databases_are_apart),
        cmocka_unit_test(a_unix_socket_will_do),
        cmocka_unit_test(the_older_wire_protocol_will_do),
        cmocka_unit_test(a_server_killed_in_mid_call),
        cmocka_unit_test(a_stopped_server_is_given_op_timeout),
        cmocka_unit_test(a_deadline_ends_a_call_to_a_stopped_server),
    };
    const struct scene_tests groups[] = {
        { "input", tests, sizeof tests / sizeof tests[0], false },
        { "input with a server", on_servers, sizeof on_servers / sizeof on_servers[0], true },
    };
    return scene_run(groups, sizeof groups / sizeof groups[0]);
}
