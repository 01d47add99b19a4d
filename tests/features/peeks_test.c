/* Looks at keys that need no command of their own. */
#define _POSIX_C_SOURCE 200809L
#include "support/scene.h"
#include "support/stores.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

enum { OPS = 50, COPIES = 10 };

static void see_all(rcache_result *result) {
    rcache_value values[COPIES];
    size_t found = rcache_result_values(result, values, COPIES);
    assert_true(found > 0);
    for (size_t k = 0; k < found; k++) {
        if (values[k].status != RCACHE_OK)
            fail_msg("%s", rcache_result_message(result, k));
        assert_memory_equal(values[k].data, "v1", 2);
    }
    rcache_result_free(result);
}

static void drain_all(rcache_queue *queue, size_t count, struct database *database) {
    int64_t end_ms = scene_now_ms() + 10000;
    while (count > 0) {
        struct pollfd fd = { .fd = rcache_queue_fd(queue), .events = POLLIN };
        if (poll(&fd, 1, 1000) == 0 && scene_now_ms() > end_ms)
            fail_msg("%zu ops not done after 10 s", count);
        rcache_event events[64];
        for (size_t i = rcache_queue_drain(queue, events, 64); i-- > 0;) {
            if (events[i].kind == RCACHE_EVENT_LOAD) {
                load_row(events[i].load, database);
                continue;
            }
            assert_int_equal(events[i].kind, RCACHE_EVENT_DONE);
            see_all(events[i].result);
            count--;
        }
    }
}

/* Be it in many calls or in one, eventual or strong. */
static void the_same_asked_at_once_is_one_command(void **state) {
    (void)state;
    rcache *cache = scene_open("op_timeout=10s&connect_timeout=10s");
    rcache_queue *queue;
    rcache_error err;
    struct database database = { .row = 1 };
    const char *key = key_of("hot");
    char keys[COPIES * 64] = "";
    uint32_t sizes[COPIES], size = (uint32_t)strlen(key);
    for (size_t i = 0; i < COPIES; i++) {
        strncat(keys, key, sizeof keys - strlen(keys) - 1);
        sizes[i] = size;
    }
    assert_int_equal(rcache_queue_new(cache, &queue, &err), RCACHE_OK);
    fetch(cache, key, &database, 0);
    test_store_command("CONFIG RESETSTAT");
    rcache_op *ops[OPS];
    uint64_t tags[OPS] = { 0 };
    const rcache_call strong = { .struct_size = sizeof strong, .flags = RCACHE_STRONG };
    for (size_t i = 0; i < OPS; i++)
        ops[i] = rcache_op_fetch(cache, keys, sizes, i % 3 == 0 ? COPIES : 1, 100000, i % 2 == 0 ? &strong : NULL);
    rcache_queue_submit_all(queue, ops, tags, OPS);
    drain_all(queue, OPS, &database);
    assert_non_null(strstr(test_store_command("INFO commandstats"), "cmdstat_get:calls=1,"));
    rcache_queue_free(queue);
    rcache_close(cache);
}

/* The first look is under way when the others come, one by one: whatever it finds, they need no look for each. */
static void come_one_by_one(const char *name, bool there, const char *commands) {
    rcache *cache = scene_open("op_timeout=10s&connect_timeout=10s");
    rcache_queue *queue;
    rcache_error err;
    struct database database = { .row = 1 };
    const char *key = key_of(name);
    uint32_t size = (uint32_t)strlen(key);
    assert_int_equal(rcache_queue_new(cache, &queue, &err), RCACHE_OK);
    fetch(cache, there ? key : key_of("another"), &database, 0);
    database.loads = 0;
    test_store_command("CONFIG RESETSTAT");
    kill(store_now->pid, SIGSTOP);
    for (uint64_t i = 0; i < OPS; i++)
        rcache_queue_submit(queue, rcache_op_fetch(cache, key, &size, 1, 100000, NULL), i);
    kill(store_now->pid, SIGCONT);
    drain_all(queue, OPS, &database);
    assert_int_equal(database.loads, there ? 0 : 1);
    assert_non_null(strstr(test_store_command("INFO commandstats"), commands));
    rcache_queue_free(queue);
    rcache_close(cache);
}

static void those_who_come_while_a_look_finds_nothing_need_none(void **state) {
    (void)state;
    come_one_by_one("nothing", false, "cmdstat_get:calls=1,");
}

static void those_who_come_while_a_look_finds_something_share_one(void **state) {
    (void)state;
    come_one_by_one("something", true, "cmdstat_get:calls=2,");
}

static bool renewed_without_a_look(rcache *cache, const char *key, struct database *database) {
    test_store_command("CONFIG RESETSTAT");
    invalidate(cache, key);
    struct answer answer = fetch(cache, key, database, RCACHE_STRONG);
    assert_int_equal(answer.status, RCACHE_OK);
    assert_int_equal(answer.outcome, RCACHE_LOADED);
    return strstr(test_store_command("INFO commandstats"), "cmdstat_get:") == NULL;
}

/* Soon, that is: a machine that is busy may take longer, now and then. */
static void a_strong_fetch_after_an_invalidation_needs_no_look(void **state) {
    (void)state;
    rcache *cache = scene_open("op_timeout=10s&connect_timeout=10s");
    struct database database = { .row = 1 };
    const char *key = key_of("renewed");
    fetch(cache, key, &database, 0);
    wait_for(renewed_without_a_look(cache, key, &database));
    rcache_close(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_asked_at_once_is_one_command),
        cmocka_unit_test(those_who_come_while_a_look_finds_nothing_need_none),
        cmocka_unit_test(those_who_come_while_a_look_finds_something_share_one),
        cmocka_unit_test(a_strong_fetch_after_an_invalidation_needs_no_look),
    };
    const struct scene_tests groups[] = { { "peeks", tests, sizeof tests / sizeof tests[0], true } };
    return scene_run(groups, 1);
}
