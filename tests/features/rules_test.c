/* What a fetch may return, and when an invalidation counts: the rules of the protocol, each by a test that catches its
 * breach. */
#define _GNU_SOURCE
#include "support/scene.h"
#include "support/stores.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* A server of its own, on which a cache is opened; the tests may kill it. */
static struct store own;

static rcache *open_one_more(const char *options) {
    struct store *before = store_now;
    store_now = &own;
    rcache *cache = scene_open(options);
    store_now = before;
    return cache;
}

static rcache *open_own(const char *options) {
    own = (struct store){ .name = "own", .program = store_now->program };
    assert_true(test_store_start(&own, NULL));
    return open_one_more(options);
}

static void close_own(rcache *cache) {
    rcache_close(cache);
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

/* Once the server is back. */
static struct answer fetch_reconnected(rcache *cache, const char *key, struct database *database, uint32_t flags) {
    struct answer answer;
    wait_for((answer = fetch(cache, key, database, flags)).status == RCACHE_OK);
    return answer;
}

/* ---- what was refused may not be returned */

/* A strong fetch returns no value that the store refused: the loader's row may be older than what others have read. */
static void a_strong_fetch_returns_no_value_that_was_not_stored(void **state) {
    (void)state;
    rcache *cache = scene_open("strong_consistency=yes");
    struct database database = { .row = 1, .held = true };
    struct errand late = { .cache = cache, .key = key_of("user"), .database = &database };
    errand_begin(&late);
    wait_for(database.reading == 1);
    database.row = 2;
    assert_int_equal(invalidate(cache, late.key).status, RCACHE_OK);
    database.held = false;
    assert_string_equal(errand_end(&late).text, "v2");
    assert_int_equal(counter(cache, "loads_lost"), 1);
    assert_int_equal(database.loads, 2);
    rcache_close(cache);
}

/* ... nor does one whose lease was lost with its key: evicted, flushed, deleted. */
static void a_strong_fetch_returns_no_value_whose_lease_is_gone(void **state) {
    (void)state;
    rcache *cache = scene_open("strong_consistency=yes");
    struct database database = { .row = 1, .held = true };
    struct errand late = { .cache = cache, .key = key_of("user"), .database = &database };
    errand_begin(&late);
    wait_for(database.reading == 1);
    database.row = 2;
    assert_int_equal(delete_key(cache, late.key).outcome, RCACHE_DONE);
    database.held = false;
    assert_string_equal(errand_end(&late).text, "v2");
    rcache_close(cache);
}

/* ... nor one who joined a load, be it before the load began: only the eventual initiator may have that value. */
static void a_strong_joiner_gets_no_value_that_was_not_stored(void **state) {
    (void)state;
    rcache *cache = scene_open("layout=hash");
    struct database database = { .row = 1, .held = true };
    const char *key = key_of("user");
    test_store_command("HSET %s lockUntil 10000000000 lockOwner other", key);
    test_store_command("PEXPIRE %s 30000", key);
    struct errand initiator = { .cache = cache, .key = key, .database = &database };
    errand_begin(&initiator);
    wait_for(counter(cache, "leases_busy") >= 1);
    struct errand joiner = { .cache = cache, .key = key, .database = &database, .flags = RCACHE_STRONG };
    errand_begin(&joiner);
    wait_for(counter(cache, "joined") == 1);
    test_store_command("DEL %s", key);
    wait_for(database.reading == 1);
    database.row = 2;
    assert_int_equal(invalidate(cache, key).status, RCACHE_OK);
    database.held = false;
    assert_string_equal(errand_end(&initiator).text, "v1");
    assert_string_equal(errand_end(&joiner).text, "v2");
    rcache_close(cache);
}

/* A joiner shares a load only if it came before the load began: its own invalidation may lie between. */
static void a_joiner_reads_its_own_writes(void **state) {
    (void)state;
    for (uint32_t flags = 0; flags <= RCACHE_STRONG; flags++) {
        rcache *cache = scene_open(NULL);
        struct database database = { .row = 1, .held = true };
        struct errand older = { .cache = cache,
                                .key = key_of(flags == 0 ? "eventual" : "strong"),
                                .database = &database };
        errand_begin(&older);
        wait_for(database.reading == 1);
        database.row = 2;
        assert_int_equal(invalidate(cache, older.key).status, RCACHE_OK);
        struct errand joiners[3];
        for (int i = 0; i < 3; i++) {
            joiners[i] = (struct errand){ .cache = cache, .key = older.key, .database = &database, .flags = flags };
            errand_begin(&joiners[i]);
        }
        wait_for(counter(cache, "joined") == 3);
        database.held = false;
        errand_end(&older);
        for (int i = 0; i < 3; i++)
            assert_string_equal(errand_end(&joiners[i]).text, "v2");
        assert_int_equal(database.loads, 2);
        rcache_close(cache);
    }
}

/* ---- no way beside the cache */

/* With the server gone a strong fetch fails: others may still read what the database no longer says. */
static void a_strong_fetch_does_not_go_past_a_missing_server(void **state) {
    (void)state;
    rcache *cache = open_own("strong_consistency=yes");
    struct database database = { .row = 1 };
    const char *key = key_of("user"), *cold = key_of("cold");
    assert_string_equal(fetch(cache, key, &database, 0).text, "v1");
    test_store_end(&own, SIGKILL);
    assert_int_equal(fetch(cache, key, &database, 0).status, RCACHE_E_UNAVAILABLE);
    struct answer answer = fetch(cache, cold, &database, 0);
    assert_int_equal(answer.status, RCACHE_E_UNAVAILABLE);
    assert_non_null(strstr(answer.message, "cold"));
    assert_int_equal(database.loads, 1);
    close_own(cache);
}

/* ... also when it goes while the loader runs. */
static void a_strong_fetch_fails_if_the_server_goes_before_the_put(void **state) {
    (void)state;
    rcache *cache = open_own("strong_consistency=yes");
    struct database database = { .row = 1, .held = true };
    struct errand errand = { .cache = cache, .key = key_of("user"), .database = &database };
    errand_begin(&errand);
    wait_for(database.reading == 1);
    test_store_end(&own, SIGKILL);
    database.held = false;
    assert_int_equal(errand_end(&errand).status, RCACHE_E_UNAVAILABLE);
    close_own(cache);
}

/* ---- a value of another history */

/* By a cache that is gone before the server is: one that stays would repeat it to the next. */
static void invalidate_elsewhere(const char *key) {
    rcache *other = open_one_more(NULL);
    assert_int_equal(invalidate(other, key).status, RCACHE_OK);
    rcache_close(other);
}

/* The server forgets an invalidation that it had acknowledged. */
static void roll_back(rcache *cache, const char *key, struct database *database) {
    assert_string_equal(fetch(cache, key, database, 0).text, "v1");
    assert_int_equal(fetch(cache, key, database, RCACHE_STRONG).outcome, RCACHE_HIT);
    assert_string_equal(command_to_own("SAVE"), "OK");
    database->row = 2;
    invalidate_elsewhere(key);
    test_store_end(&own, SIGKILL);
    assert_true(test_store_restart(&own, NULL));
    assert_string_equal(command_to_own("DBSIZE"), "1");
}

/* What a server kept over a restart is no longer fresh to a strong fetch ... */
static void a_rolled_back_value_is_not_returned_strongly(void **state) {
    (void)state;
    rcache *cache = open_own(NULL);
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    roll_back(cache, key, &database);
    assert_string_equal(fetch_reconnected(cache, key, &database, RCACHE_STRONG).text, "v2");
    assert_int_equal(fetch(cache, key, &database, RCACHE_STRONG).outcome, RCACHE_HIT);
    assert_int_equal(database.loads, 2);
    close_own(cache);
}

/* ... and to an eventual one it is stale: served while a newer one is loaded. */
static void a_rolled_back_value_is_served_stale(void **state) {
    (void)state;
    rcache *cache = open_own(NULL);
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    roll_back(cache, key, &database);
    struct answer answer = fetch_reconnected(cache, key, &database, 0);
    assert_int_equal(answer.outcome, RCACHE_STALE);
    assert_string_equal(answer.text, "v1");
    wait_for(strcmp(fetch(cache, key, &database, 0).text, "v2") == 0);
    assert_int_equal(database.loads, 2);
    close_own(cache);
}

/* ... to a cache opened after the restart, too, which never saw the server as it was. */
static void a_new_cache_knows_a_rolled_back_value(void **state) {
    (void)state;
    rcache *cache = open_own(NULL);
    struct database database = { .row = 1 };
    const char *key = key_of("user");
    roll_back(cache, key, &database);
    rcache_close(cache);
    cache = open_one_more(NULL);
    assert_string_equal(fetch(cache, key, &database, RCACHE_STRONG).text, "v2");
    close_own(cache);
}

/* A lease that came back with the snapshot lets nobody store: what invalidated it may be forgotten. */
static void a_rolled_back_lease_stores_nothing(void **state) {
    (void)state;
    rcache *cache = open_own(NULL);
    struct database database = { .row = 1, .held = true };
    struct errand late = { .cache = cache, .key = key_of("user"), .database = &database, .flags = RCACHE_STRONG };
    errand_begin(&late);
    wait_for(database.reading == 1);
    assert_string_equal(command_to_own("SAVE"), "OK");
    database.row = 2;
    invalidate_elsewhere(late.key);
    test_store_end(&own, SIGKILL);
    assert_true(test_store_restart(&own, NULL));
    wait_for(get(cache, late.key).status == RCACHE_OK);
    database.held = false;
    assert_string_equal(errand_end(&late).text, "v2");
    assert_string_equal(fetch(cache, late.key, &database, RCACHE_STRONG).text, "v2");
    close_own(cache);
}

/* The connection breaks while acquire is under way: it is sent again, as another request, whose lease can store. */
static void a_lease_that_was_asked_for_twice_stores(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1, .held = true };
    struct errand errand = { .cache = cache, .key = key_of("user"), .database = &database, .flags = RCACHE_STRONG };
    assert_int_equal(get(cache, errand.key).outcome, RCACHE_ABSENT); /* connected by now */
    assert_string_equal(test_store_command("CLIENT PAUSE 20000 WRITE"), "OK");
    errand_begin(&errand);
    wait_for(strstr(test_store_command("CLIENT LIST"), "cmd=evalsha") != NULL);
    test_store_command("CLIENT KILL TYPE normal");
    assert_string_equal(test_store_command("CLIENT UNPAUSE"), "OK");
    wait_for(strstr(inspect(cache, errand.key, "owner"), "-2") != NULL);
    database.held = false;
    assert_string_equal(errand_end(&errand).text, "v1");
    assert_int_equal(counter(cache, "loads_stored"), 1);
    rcache_close(cache);
}

/* An entry of another client has no epoch: fresh, but not to who wants to be sure. */
static void a_value_without_an_epoch_is_fresh_unless_strong(void **state) {
    (void)state;
    rcache *cache = scene_open("layout=hash");
    struct database database = { .row = 2 };
    const char *key = key_of("user");
    test_store_command("HSET %s value v1", key);
    test_store_command("PEXPIRE %s 100000", key);
    struct answer answer = fetch(cache, key, &database, 0);
    assert_int_equal(answer.outcome, RCACHE_HIT);
    assert_string_equal(answer.text, "v1");
    assert_string_equal(fetch(cache, key, &database, RCACHE_STRONG).text, "v2");
    assert_int_equal(database.loads, 1);
    rcache_close(cache);
}

/* ---- the bound of staleness */

enum { BOUND_MS = 400, WATCHED_MS = 1000, ROUND_MS = 100 };

/* Counts the stale answers; none may come to a fetch that began past the bound. */
static int count_stale(rcache *cache, const char *key, uint32_t flags) {
    struct database database = { .row = 2, .fails = true };
    assert_int_equal(set(cache, key, "old", 100000).status, RCACHE_OK);
    assert_int_equal(invalidate(cache, key).status, RCACHE_OK);
    int64_t first_ms = scene_now_ms(), again_ms = first_ms + ROUND_MS, began_ms;
    int stale = 0;
    while ((began_ms = scene_now_ms()) < first_ms + WATCHED_MS) {
        if (began_ms >= again_ms) {
            assert_int_equal(invalidate(cache, key).status, RCACHE_OK);
            again_ms += ROUND_MS;
            began_ms = scene_now_ms();
        }
        struct answer answer = fetch(cache, key, &database, flags);
        if (answer.status == RCACHE_OK) {
            assert_string_equal(answer.text, "old");
            assert_in_range(began_ms - first_ms, 0, BOUND_MS);
            stale++;
        }
        scene_pause_ms(5);
    }
    return stale;
}

/* A stale value is served for `delay` after the first invalidation; more of them and failing loads don't prolong it. */
static void staleness_has_a_bound(void **state) {
    (void)state;
    rcache *cache = scene_open("delay=400ms");
    assert_true(count_stale(cache, key_of("behind"), 0) > 5);
    assert_true(count_stale(cache, key_of("inline"), RCACHE_INLINE) > 5);
    rcache_close(cache);
}

/* ... nor does a loader that takes long: while it runs, the others get the old value to the bound, then wait. */
static void a_slow_load_does_not_prolong_staleness(void **state) {
    (void)state;
    rcache *cache = scene_open("delay=400ms");
    struct database database = { .row = 2, .held = true };
    const char *key = key_of("user");
    set(cache, key, "old", 100000);
    invalidate(cache, key);
    int64_t first_ms = scene_now_ms(), began_ms;
    struct errand loading = { .cache = cache, .key = key, .database = &database };
    errand_begin(&loading);
    wait_for(database.reading == 1);
    int stale = 0;
    struct answer answer;
    do {
        began_ms = scene_now_ms();
        answer = fetch_until(cache, key, &database, 0, 50);
        stale += answer.outcome == RCACHE_STALE && began_ms - first_ms <= BOUND_MS;
    } while (answer.status == RCACHE_OK && began_ms - first_ms <= BOUND_MS);
    database.held = false;
    assert_string_equal(errand_end(&loading).text, "old");
    assert_true(stale > 5);
    assert_int_equal(answer.status, RCACHE_E_TIMEOUT);
    assert_string_equal(fetch(cache, key, &database, 0).text, "v2");
    rcache_close(cache);
}

/* ---- a server without memory */

/* An invalidation that the server has no memory for deletes the key; one by `unlock`, too. */
static void an_invalidation_needs_no_memory(void **state) {
    (void)state;
    rcache *cache = scene_open(NULL);
    struct database database = { .row = 1 };
    const char *key = key_of("user"), *locked = key_of("locked"), *cold = key_of("cold");
    fetch(cache, key, &database, 0);
    fetch(cache, locked, &database, 0);
    fetch(cache, cold, &database, 0);
    assert_int_equal(lock(cache, locked, "writer", 5000, 0).status, RCACHE_OK);
    test_store_command("CONFIG SET maxmemory 1");
    struct answer invalidated = invalidate(cache, key);
    struct answer unlocked = unlock(cache, locked, "writer");
    test_store_command("SCRIPT FLUSH");
    struct answer unknown = invalidate(cache, cold);
    test_store_command("CONFIG SET maxmemory 0");
    assert_int_equal(invalidated.status, RCACHE_OK);
    assert_int_equal(unlocked.status, RCACHE_OK);
    assert_int_equal(unknown.status, RCACHE_OK);
    assert_string_equal(test_store_command("EXISTS %s %s %s", key, locked, cold), "0");
    database.row = 2;
    assert_string_equal(fetch(cache, key, &database, 0).text, "v2");
    rcache_close(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_strong_fetch_returns_no_value_that_was_not_stored),
        cmocka_unit_test(a_strong_fetch_returns_no_value_whose_lease_is_gone),
        cmocka_unit_test(a_joiner_reads_its_own_writes),
        cmocka_unit_test(staleness_has_a_bound),
        cmocka_unit_test(a_slow_load_does_not_prolong_staleness),
    };
    const struct CMUnitTest on_servers[] = {
        cmocka_unit_test(a_strong_joiner_gets_no_value_that_was_not_stored),
        cmocka_unit_test(a_strong_fetch_does_not_go_past_a_missing_server),
        cmocka_unit_test(a_strong_fetch_fails_if_the_server_goes_before_the_put),
        cmocka_unit_test(a_rolled_back_value_is_not_returned_strongly),
        cmocka_unit_test(a_rolled_back_value_is_served_stale),
        cmocka_unit_test(a_new_cache_knows_a_rolled_back_value),
        cmocka_unit_test(a_rolled_back_lease_stores_nothing),
        cmocka_unit_test(a_lease_that_was_asked_for_twice_stores),
        cmocka_unit_test(a_value_without_an_epoch_is_fresh_unless_strong),
        cmocka_unit_test(an_invalidation_needs_no_memory),
    };
    const struct scene_tests groups[] = {
        { "rules", tests, sizeof tests / sizeof tests[0], false },
        { "rules with a server", on_servers, sizeof on_servers / sizeof on_servers[0], true },
    };
    return scene_run(groups, sizeof groups / sizeof groups[0]);
}
