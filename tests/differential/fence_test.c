/* The fences of locks for update, by the scripts of both layouts: they rise, whatever becomes of the entry meanwhile,
 * and also where the server's clock is behind. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "differential/asking.h"
#include "resilicache.h"
#include "support/stores.h"

#include <stdlib.h>

enum { EPOCH = 0xe1 };

/* In the year 2223: as if the clock had been set back since. */
static const int64_t AHEAD = 8000000000000000;

static struct request ask(enum verb verb, const char *owner) {
    bool stores = verb == VERB_SET || verb == VERB_PUT || verb == VERB_RAW_SET;
    return (struct request){ .verb = verb,
                             .key = slice_of_text("k"),
                             .owner = slice_of_text(owner),
                             .value = stores ? blob_copy("w", 1) : NULL,
                             .life_ms = 60000,
                             .bound_ms = 50000 };
}

/* 0: it was not locked. */
static int64_t lock(const char *owner) {
    struct request request = ask(VERB_LOCK, owner);
    assert_true(wire_execute(&asking_wire, &request));
    int64_t fence = request.reply.verdict == VERDICT_OWNED ? request.reply.fence : 0;
    request_clear(&request);
    return fence;
}

static int64_t server_us(void) {
    char *rest;
    int64_t seconds = strtoll(test_store_command("TIME"), &rest, 10);
    return seconds * 1000000 + strtoll(rest, NULL, 10);
}

static void expect(struct request request, const char *expected) {
    assert_string_equal(asking_answer(request), expected);
}

static int setup(void **state) {
    (void)state;
    test_store_command("FLUSHALL");
    asking_wire.facts.epoch = EPOCH;
    return 0;
}

static void it_is_the_server_s_time_and_one_more_each_time(void **state) {
    (void)state;
    for (int packed = 0; packed < 2; packed++) {
        asking_wire.facts.packed = packed == 1;
        int64_t before = server_us(), first = lock("a"), second = lock("a");
        assert_in_range(first, before, server_us());
        assert_true(second > first);
        assert_int_equal(lock("b"), 0);
        expect(ask(VERB_UNLOCK, "a"), "DONE");
        int64_t third = lock("b");
        assert_true(third > second);
        expect(ask(VERB_DELETE, ""), "DONE");
        assert_true(lock("a") > third);
        test_store_command("DEL k");
    }
}

static void set(void) {
    expect(ask(VERB_SET, ""), "DONE");
}

static void load_and_put(void) {
    expect(ask(VERB_INVALIDATE, ""), "DONE");
    expect(ask(VERB_ACQUIRE, "a"), "OWNED 'v'");
    expect(ask(VERB_PUT, "a"), "STORED");
}

static void put_in_raw(void) {
    expect(ask(VERB_RAW_SET, ""), "DONE");
}

static void put_in_raw_while_invalidated(void) {
    expect(ask(VERB_INVALIDATE, ""), "DONE");
    expect(ask(VERB_RAW_SET, ""), "DONE");
}

static void load_in_vain(void) {
    struct request release = ask(VERB_RELEASE, "a");
    release.drops = true;
    release.pause_ms = release.pause_max_ms = 10;
    expect(ask(VERB_INVALIDATE, ""), "DONE");
    expect(ask(VERB_ACQUIRE, "a"), "OWNED 'v'");
    expect(release, "DONE");
}

static void lease_without_serving_what_is_stale(void) {
    struct request acquire = ask(VERB_ACQUIRE, "a");
    acquire.bound_ms = 0;
    expect(ask(VERB_INVALIDATE, ""), "DONE");
    expect(acquire, "OWNED");
}

static void refresh(void) {
    expect(ask(VERB_REFRESH, "a"), asking_wire.facts.packed ? "LOST" : "OWNED");
}

static void lock_and_unlock(void) {
    assert_true(lock("a") > AHEAD);
    expect(ask(VERB_UNLOCK, "a"), "DONE");
}

static void it_rises_though_the_clock_is_behind(void **state) {
    (void)state;
    static void (*const meanwhile[])(void) = { set,          load_and_put,
                                               put_in_raw,   put_in_raw_while_invalidated,
                                               load_in_vain, lease_without_serving_what_is_stale,
                                               refresh,      lock_and_unlock };
    for (int packed = 0; packed < 2; packed++)
        for (size_t i = 0; i < sizeof meanwhile / sizeof meanwhile[0]; i++) {
            asking_wire.facts.packed = packed == 1;
            test_store_command("DEL k");
            test_store_command("HSET k value v meta e=00000000000000e1;f=8000000000000000");
            test_store_command("PEXPIRE k 60000");
            meanwhile[i]();
            int64_t fence = lock("b");
            if (fence <= AHEAD)
                fail_msg("case %zu, packed %d: %lld", i, packed, (long long)fence);
            assert_in_range(fence, AHEAD + 1, AHEAD + 2);
        }
}

static void whoever_unlocks_is_told_whether_it_was_held(void **state) {
    (void)state;
    for (int packed = 0; packed < 2; packed++)
        for (int held = 0; held < 2; held++) {
            struct request unlock = ask(VERB_UNLOCK, "a");
            asking_wire.facts.packed = packed == 1;
            assert_true(lock("a") > 0);
            if (!held)
                set();
            assert_true(wire_execute(&asking_wire, &unlock));
            assert_int_equal(unlock.reply.verdict, VERDICT_DONE);
            assert_int_equal(unlock.reply.held, held);
            request_clear(&unlock);
        }
}

static int run_all(const char *name) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_is_the_server_s_time_and_one_more_each_time, setup),
        cmocka_unit_test_setup(it_rises_though_the_clock_is_behind, setup),
        cmocka_unit_test_setup(whoever_unlocks_is_told_whether_it_was_held, setup),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void) {
    return asking_on_each_server(run_all);
}
