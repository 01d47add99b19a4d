/* A Redis Cluster: keys on many nodes, slots that move, nodes that are away. */
#include "backend/redis/slot.h"
#include "support/cluster.h"
#include "support/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where no node is away: nothing is given up on a busy machine. */
#define PATIENT "op_timeout=8s&connect_timeout=8s&deadline=60s&lock_expire=30s"

static struct cluster cluster;
static struct worker worker;

/* A key of that node, as things are. */
static const char *key_on(int node, const char *name) {
    for (int i = 0; i < 10000; i++) {
        char suffixed[64];
        snprintf(suffixed, sizeof suffixed, "%s:%d", name, i);
        const char *key = key_of(suffixed);
        if (slot_of(slice_of_text(key)) * CLUSTER_NODES / SLOT_COUNT == node)
            return key;
    }
    fail_msg("no key found for node %d", node);
    return NULL;
}

static void keys_go_to_the_nodes_of_their_slots(void **state) {
    (void)state;
    rcache *cache = scene_open(PATIENT);
    struct database database = { .row = 1 };
    for (int node = 0; node < CLUSTER_NODES; node++) {
        const char *key = key_on(node, "user");
        assert_int_equal(slot_of(slice_of_text(key)), cluster_slot(&cluster, key));
        assert_int_equal(fetch(cache, key, &database, 0).outcome, RCACHE_LOADED);
        assert_int_equal(fetch(cache, key, &database, RCACHE_STRONG).outcome, RCACHE_HIT);
        assert_string_equal(test_store_command_on(&cluster.nodes[node], "GETRANGE %s 0 1", key), "v1");
        assert_int_equal(invalidate(cache, key).status, RCACHE_OK);
        assert_int_equal(fetch(cache, key, &database, RCACHE_STRONG).outcome, RCACHE_LOADED);
    }
    rcache_close(cache);
}

static void a_batch_is_split_by_node(void **state) {
    (void)state;
    enum { COUNT = 10000, KEY = 24 };
    rcache *cache = scene_open(PATIENT "&deadline=60s&lock_expire=30s");
    struct database database = { .row = 1 };
    char *keys = malloc(COUNT * (KEY + 1));
    uint32_t *sizes = malloc(COUNT * sizeof *sizes);
    for (int i = 0; i < COUNT; i++) {
        snprintf(keys + (size_t)i * KEY, KEY + 1, "batch:%09d:%08d", i * 7919, i);
        sizes[i] = KEY;
    }
    for (int round = 0; round < 2; round++) {
        rcache_result *result;
        rcache_op *op = rcache_op_fetch(cache, keys, sizes, COUNT, 100000, NULL);
        assert_int_equal(rcache_op_run(op, load_row, &database, &result), RCACHE_OK);
        rcache_value *values = malloc(COUNT * sizeof *values);
        assert_int_equal(rcache_result_values(result, values, COUNT), COUNT);
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(values[i].outcome, round == 0 ? RCACHE_LOADED : RCACHE_HIT);
        free(values);
        rcache_result_free(result);
    }
    assert_int_equal(rcache_op_run(rcache_op_delete(cache, keys, sizes, COUNT, NULL), NULL, NULL, NULL), RCACHE_OK);
    free(sizes);
    free(keys);
    rcache_close(cache);
}

static void a_moved_slot_is_followed(void **state) {
    (void)state;
    rcache *cache = scene_open(PATIENT);
    struct database database = { .row = 1 };
    const char *key = key_on(0, "moved");
    int slot = cluster_slot(&cluster, key);
    assert_int_equal(fetch(cache, key, &database, 0).outcome, RCACHE_LOADED);
    cluster_move_slot(&cluster, slot, 1);
    assert_int_equal(set(cache, key, "v2", 100000).status, RCACHE_OK);
    assert_string_equal(test_store_command_on(&cluster.nodes[1], "GETRANGE %s 0 1", key), "v2");
    assert_int_equal(fetch(cache, key, &database, RCACHE_STRONG).outcome, RCACHE_HIT);
    cluster_move_slot(&cluster, slot, 0);
    assert_string_equal(fetch(cache, key, &database, 0).text, "v2");
    assert_int_equal(cluster_owner(&cluster, slot), 0);
    rcache_close(cache);
}

/* What was stored by another server process is not fresh to strong readers: they can't know what that one forgot. */
static void a_value_that_moved_is_loaded_again_by_strong_readers(void **state) {
    (void)state;
    rcache *cache = scene_open(PATIENT);
    struct database database = { .row = 1 };
    const char *key = key_on(0, "history");
    int slot = cluster_slot(&cluster, key);
    fetch(cache, key, &database, 0);
    cluster_move_slot(&cluster, slot, 2);
    database.row = 2;
    assert_string_equal(fetch(cache, key, &database, RCACHE_STRONG).text, "v2");
    cluster_move_slot(&cluster, slot, 0);
    rcache_close(cache);
}

static void a_slot_on_its_way_is_asked_for(void **state) {
    (void)state;
    rcache *cache = scene_open(PATIENT);
    struct database database = { .row = 1 };
    const char *key = key_on(0, "asked");
    int slot = cluster_slot(&cluster, key);
    fetch(cache, key_on(0, "other"), &database, 0); /* the connection stands, and its scripts are there */
    cluster_begin_move(&cluster, slot, 1);
    assert_int_equal(fetch(cache, key, &database, RCACHE_STRONG).outcome, RCACHE_LOADED);
    assert_int_equal(fetch(cache, key, &database, RCACHE_STRONG).outcome, RCACHE_HIT);
    assert_int_equal(invalidate(cache, key).status, RCACHE_OK);
    assert_string_equal(test_store_command_on(&cluster.nodes[0], "CLUSTER COUNTKEYSINSLOT %d", slot), "0");
    cluster_move_slot(&cluster, slot, 1);
    cluster_move_slot(&cluster, slot, 0);
    rcache_close(cache);
}

static void waiters_are_woken_wherever_the_key_is(void **state) {
    (void)state;
    rcache *cache = scene_open(PATIENT), *other = scene_open(PATIENT);
    struct database database = { .row = 1, .held = true };
    for (int node = 0; node < CLUSTER_NODES; node++) {
        const char *key = key_on(node, "woken");
        database.held = true;
        struct errand holder = { .cache = cache, .key = key, .database = &database };
        errand_begin(&holder);
        wait_for(database.reading == 1);
        struct errand waiter = { .cache = other, .key = key, .database = &database };
        errand_begin(&waiter);
        wait_for(counter(other, "leases_busy") == node + 1);
        database.held = false;
        assert_string_equal(errand_end(&waiter).text, "v1");
        assert_string_equal(errand_end(&holder).text, "v1");
    }
    assert_int_equal(database.loads, CLUSTER_NODES);
    rcache_close(cache);
    rcache_close(other);
}

static void a_node_that_is_away_harms_its_own_keys_alone(void **state) {
    (void)state;
    rcache *cache = scene_open("op_timeout=1s&connect_timeout=1s");
    struct database database = { .row = 1 };
    const char *here = key_on(1, "here"), *away = key_on(2, "away");
    fetch(cache, here, &database, 0);
    fetch(cache, away, &database, 0);
    test_store_end(&cluster.nodes[2], SIGKILL);
    int64_t begin_ms = scene_now_ms();
    assert_int_equal(fetch(cache, away, &database, RCACHE_STRONG).status, RCACHE_E_UNAVAILABLE);
    assert_int_equal(fetch(cache, away, &database, 0).outcome, RCACHE_LOADED);
    assert_true(scene_now_ms() - begin_ms < 5000);
    wait_for(fetch(cache, here, &database, 0).outcome == RCACHE_HIT); /* a busy machine may need more than 100 ms */
    assert_true(cluster_restart(&cluster, 2));
    wait_for(fetch(cache, away, &database, RCACHE_STRONG).status == RCACHE_OK);
    rcache_close(cache);
}

static void a_node_that_is_down_is_asked_no_more(void **state) {
    (void)state;
    rcache *cache = scene_open("op_timeout=2s&connect_timeout=2s&breaker_open=300ms");
    struct database database = { .row = 1 };
    const char *here = key_on(1, "up"), *away = key_on(2, "down");
    fetch(cache, here, &database, 0);
    fetch(cache, away, &database, 0);
    test_store_end(&cluster.nodes[2], SIGKILL);
    wait_for(strstr(get(cache, away).message, "is down, for 2 s by now") != NULL);
    assert_int_equal(counter(cache, "servers_down"), 1);
    int64_t begin_ms = scene_now_ms(), calls = 0;
    for (; scene_now_ms() - begin_ms < 1000; calls++) /* each would otherwise wait for op_timeout */
        assert_int_equal(get(cache, away).status, RCACHE_E_UNAVAILABLE);
    assert_true(calls > 20);
    assert_int_equal(invalidate(cache, away).status, RCACHE_E_QUEUED);
    assert_int_equal(fetch(cache, here, &database, RCACHE_STRONG).outcome, RCACHE_HIT);
    assert_true(cluster_restart(&cluster, 2));
    wait_for(counter(cache, "journal_depth") == 0);
    wait_for(fetch(cache, away, &database, RCACHE_STRONG).status == RCACHE_OK);
    assert_int_equal(counter(cache, "servers_down"), 0);
    rcache_close(cache);
}

static void the_first_hosts_of_the_url_may_be_away(void **state) {
    (void)state;
    char url[160];
    rcache *cache;
    rcache_error err;
    snprintf(url, sizeof url, "redis+cluster://127.0.0.1:1,127.0.0.1:2,127.0.0.1:%u?" PATIENT, cluster.nodes[1].port);
    assert_int_equal(rcache_open(url, NULL, &cache, &err), RCACHE_OK);
    struct database database = { .row = 1 };
    assert_int_equal(fetch(cache, key_on(2, "first"), &database, 0).outcome, RCACHE_LOADED);
    rcache_close(cache);
    snprintf(url, sizeof url, "redis+cluster://127.0.0.1:1,127.0.0.1:2?op_timeout=100ms");
    assert_int_equal(rcache_open(url, NULL, &cache, &err), RCACHE_OK);
    struct answer answer = fetch(cache, key_of("none"), &database, RCACHE_STRONG);
    assert_int_equal(answer.status, RCACHE_E_UNAVAILABLE);
    assert_non_null(strstr(answer.message, "127.0.0.1:"));
    rcache_close(cache);
}

static void a_single_server_is_no_cluster(void **state) {
    (void)state;
    struct store single = { .name = "single", .program = store_now->program };
    assert_true(test_store_start(&single, NULL));
    char url[160];
    rcache *cache;
    rcache_error err;
    snprintf(url, sizeof url, "redis+cluster://127.0.0.1:%u?op_timeout=1s", single.port);
    assert_int_equal(rcache_open(url, NULL, &cache, &err), RCACHE_OK);
    struct answer answer = get(cache, key_of("user"));
    assert_int_equal(answer.status, RCACHE_E_SERVER);
    assert_non_null(strstr(answer.message, "cluster support disabled"));
    rcache_close(cache);
    test_store_end(&single, SIGKILL);
    test_store_remove(&single);
}

static void the_stepping_driver_finds_the_nodes(void **state) {
    (void)state;
    worker_open(&worker, PATIENT);
    for (uint64_t i = 0; i < 60; i++)
        worker_fetch(&worker, key_on((int)i % CLUSTER_NODES, "stepping"), i, NULL);
    worker_run(&worker, 60);
    for (size_t i = 0; i < 60; i++)
        if (strcmp(worker.answers[i].text, "v1") != 0)
            fail_msg("op %zu: %s", i, worker.answers[i].message);
    const char *key = key_on(0, "stepping");
    int slot = cluster_slot(&cluster, key);
    cluster_move_slot(&cluster, slot, 1);
    worker_fetch(&worker, key, 60, NULL);
    worker_run(&worker, 61);
    assert_string_equal(worker.answers[60].text, "v1");
    cluster_move_slot(&cluster, slot, 0);
    worker_close(&worker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_go_to_the_nodes_of_their_slots),
        cmocka_unit_test(a_batch_is_split_by_node),
        cmocka_unit_test(a_moved_slot_is_followed),
        cmocka_unit_test(a_value_that_moved_is_loaded_again_by_strong_readers),
        cmocka_unit_test(a_slot_on_its_way_is_asked_for),
        cmocka_unit_test(waiters_are_woken_wherever_the_key_is),
        cmocka_unit_test(the_stepping_driver_finds_the_nodes),
        cmocka_unit_test(a_node_that_is_down_is_asked_no_more),
        cmocka_unit_test(the_first_hosts_of_the_url_may_be_away),
        cmocka_unit_test(a_single_server_is_no_cluster),
        cmocka_unit_test(a_node_that_is_away_harms_its_own_keys_alone),
    };
    const struct scene_tests group = { "cluster", tests, sizeof tests / sizeof tests[0], true };
    const char *programs[] = { test_program_of("RCACHE_TEST_REDIS7", "redis-server"),
                               test_program_of("RCACHE_TEST_VALKEY9", NULL) };
    int failed = 0;
    for (size_t i = 0; i < 2; i++) {
        if (programs[i] == NULL)
            continue;
        cluster_start(&cluster, programs[i]);
        failed += scene_run_on(&cluster.whole, &group, 1);
        cluster_stop(&cluster);
    }
    return failed;
}
