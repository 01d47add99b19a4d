/* Entries end at their time, whether anyone asks for them or not. */
#include "ask.h"

static void entries_end_at_their_time(void **state) {
    (void)state;
    const enum verb verbs[] = { VERB_PEEK, VERB_GET, VERB_INSPECT, VERB_INVALIDATE, VERB_DELETE };
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        struct memory *memory = memory_in(FRESH);
        expect(memory, 10999, ask(VERB_PEEK), "FRESH 'v'");
        expect(memory, 11000, ask(verbs[i]), "MISS");
        memory_free(memory);
    }
}

static void a_change_removes_what_has_ended(void **state) {
    (void)state;
    const enum verb verbs[] = { VERB_INVALIDATE, VERB_DELETE };
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        struct memory *memory = memory_in(FRESH);
        expect(memory, 11000, ask(VERB_PEEK), "MISS");
        assert_int_equal(memory_entries(memory), 1); /* who reads removes nothing */
        expect(memory, 11000, ask(verbs[i]), "MISS");
        assert_int_equal(memory_entries(memory), 0);
        assert_int_equal(memory_bytes(memory), 0);
        memory_free(memory);
    }
}

/* Stored at 1000, fresh until 2000, kept until 11000. */
static struct memory *memory_of_lapsed(void) {
    struct memory *memory = memory_in(MISSING);
    struct request set = with("v", lasting(10000, ask(VERB_SET)));
    set.fresh_ms = 1000;
    expect(memory, 1000, set, "DONE");
    return memory;
}

static struct request windowed(int64_t window_ms, struct request request) {
    request.window_ms = window_ms;
    return request;
}

static void what_has_lapsed_is_served_within_its_window(void **state) {
    (void)state;
    struct memory *memory = memory_of_lapsed();
    expect(memory, 1999, ask(VERB_PEEK), "FRESH 'v'");
    expect(memory, 1999, by("A", lasting(50, ask(VERB_ACQUIRE))), "FRESH 'v'");
    expect(memory, 2000, ask(VERB_PEEK), "UNFRESH 'v'");
    expect_entry(memory, 2500, "lapsed size 1 ttl_ms 8500 fresh_ms -500");
    expect(memory, 2500, by("A", windowed(800, lasting(50, ask(VERB_ACQUIRE)))), "OWNED 'v' stale 300");
    expect(memory, 2500, by("B", windowed(800, ask(VERB_ACQUIRE))), "BUSY 'v' stale 300 remaining 50 lease 2550");
    expect(memory, 2500, by("B", windowed(500, ask(VERB_ACQUIRE))), "BUSY remaining 50 lease 2550");
    memory_free(memory);
}

static void what_has_lapsed_is_not_invalidated_by_a_failed_load(void **state) {
    (void)state;
    struct memory *memory = memory_of_lapsed();
    expect(memory, 2500, by("A", windowed(800, lasting(50, ask(VERB_ACQUIRE)))), "OWNED 'v' stale 300");
    expect(memory, 2510, by("A", ask(VERB_RELEASE)), "DONE");
    expect_entry(memory, 2510, "lapsed size 1 ttl_ms 8490 fresh_ms -510");
    memory_free(memory);
}

static void an_invalidation_bounds_what_has_lapsed(void **state) {
    (void)state;
    struct memory *memory = memory_of_lapsed();
    expect(memory, 2500, within(100, ask(VERB_INVALIDATE)), "DONE");
    expect(memory, 2500, by("A", windowed(800, lasting(50, ask(VERB_ACQUIRE)))), "OWNED 'v' stale 100");
    expect(memory, 2600, by("B", windowed(800, ask(VERB_ACQUIRE))), "OWNED");
    memory_free(memory);
}

static void a_lease_ends_before_its_entry(void **state) {
    (void)state;
    struct memory *memory = memory_in(LEASED_BARE);
    expect(memory, 3999, by("B", lasting(50, ask(VERB_ACQUIRE))), "BUSY remaining 1 lease 4000");
    expect(memory, 4000, by("B", lasting(50, ask(VERB_ACQUIRE))), "OWNED");
    expect(memory, 4000, with("late", by("A", lasting(50, ask(VERB_PUT)))), "LOST");
    memory_free(memory);
}

static void a_lock_ends_with_its_entry(void **state) {
    (void)state;
    struct memory *memory = memory_in(LOCKED);
    expect(memory, 4999, by("X", lasting(50, ask(VERB_LOCK))), "BUSY remaining 1 lease 10000000000");
    expect(memory, 5000, by("W", lasting(50, ask(VERB_RENEW))), "LOST");
    expect(memory, 5000, by("X", lasting(50, ask(VERB_LOCK))), "OWNED");
    expect_entry(memory, 5000, "locked ttl_ms 50 lease_ms 50 owner X");
    memory_free(memory);
}

static void an_endless_life_does_not_overflow(void **state) {
    (void)state;
    struct memory *memory = memory_in(MISSING);
    expect(memory, 1000, with("v", lasting(INT64_MAX, ask(VERB_SET))), "DONE");
    expect_entry(memory, 1000, "fresh size 1 ttl_ms -1");
    expect(memory, INT64_MAX - 1, ask(VERB_PEEK), "FRESH 'v'");
    expect(memory, 2000, by("W", lasting(INT64_MAX - 10, ask(VERB_LOCK))), "OWNED");
    expect(memory, 2000, by("B", ask(VERB_ACQUIRE)), "BUSY 'v' stale -1 remaining -1 lease 10000000000");
    memory_free(memory);
}

static void a_key_that_had_no_end_gets_one_with_a_lease(void **state) {
    (void)state;
    struct memory *memory = memory_in(MISSING);
    expect(memory, 1000, with("v", lasting(INT64_MAX, ask(VERB_SET))), "DONE");
    expect(memory, 1000, within(INT64_MAX, ask(VERB_INVALIDATE)), "DONE");
    expect_entry(memory, 1000, "invalidated size 1 ttl_ms -1");
    expect(memory, 1000, by("A", lasting(500, ask(VERB_ACQUIRE))), "OWNED 'v' stale 5000");
    expect_entry(memory, 1000, "leased size 1 ttl_ms 1500 lease_ms 500 owner A");
    memory_free(memory);
}

static void writes_sweep_out_what_nobody_asks_for(void **state) {
    (void)state;
    enum { KEYS = 5000 };
    struct memory *memory = memory_new(0, 7);
    assert_non_null(memory);
    char key[32];
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "short %d", i);
        run(memory, 1000, with("v", on(key, lasting(100, ask(VERB_SET)))), NULL);
    }
    assert_int_equal(memory_entries(memory), KEYS);
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "long %d", i);
        run(memory, 2000, with("v", on(key, lasting(9000, ask(VERB_SET)))), NULL);
    }
    assert_int_equal(memory_entries(memory), KEYS);
    memory_free(memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_end_at_their_time),
        cmocka_unit_test(a_change_removes_what_has_ended),
        cmocka_unit_test(what_has_lapsed_is_served_within_its_window),
        cmocka_unit_test(what_has_lapsed_is_not_invalidated_by_a_failed_load),
        cmocka_unit_test(an_invalidation_bounds_what_has_lapsed),
        cmocka_unit_test(a_lease_ends_before_its_entry),
        cmocka_unit_test(a_lock_ends_with_its_entry),
        cmocka_unit_test(an_endless_life_does_not_overflow),
        cmocka_unit_test(a_key_that_had_no_end_gets_one_with_a_lease),
        cmocka_unit_test(writes_sweep_out_what_nobody_asks_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
