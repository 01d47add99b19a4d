/* Every verb on an entry in every state: what it answers and what it leaves behind.
 * All in one file: the verbs share one table of states. */
#include "ask.h"

struct row {
    enum state state;
    const char *reply;
    const char *entry; /* afterwards; NULL: as it was */
};

/* The states are made at 1000, the verb comes at 2000; its value is handed over anew for each row. */
static void check_rows(struct request request, const char *value, const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct memory *memory = memory_in(rows[i].state);
        char before[TEXT_SIZE];
        inspect(memory, 2000, before);
        expect(memory, 2000, value != NULL ? with(value, request) : request, rows[i].reply);
        expect_entry(memory, 2000, rows[i].entry != NULL ? rows[i].entry : before);
        memory_free(memory);
    }
}

#define CHECK_ROWS(request, value, ...)                                       \
    do {                                                                      \
        const struct row rows[] = { __VA_ARGS__ };                            \
        check_rows((request), (value), rows, sizeof rows / sizeof rows[0]);   \
    } while (0)

static void states_are_what_the_rows_start_from(void **state) {
    (void)state;
    static const char *const entries[STATES] = {
        [MISSING] = "",
        [FRESH] = "fresh size 1 ttl_ms 9000",
        [INVALIDATED] = "invalidated size 1 ttl_ms 4000",
        [LEASED] = "leased size 1 ttl_ms 4000 lease_ms 2000 owner A",
        [LEASED_BARE] = "leased ttl_ms 3000 lease_ms 2000 owner A",
        [ENDED] = "invalidated size 1 ttl_ms 4000 owner A",
        [LOCKED] = "locked size 1 ttl_ms 3000 lease_ms 3000 owner W",
        [LOCKED_BARE] = "locked ttl_ms 3000 lease_ms 3000 owner W",
        [BACKED_OFF] = "backoff size 1 ttl_ms 4000 lease_ms 2000",
        [BACKED_OFF_BARE] = "backoff ttl_ms 3000 lease_ms 2000",
    };
    for (enum state each = MISSING; each < STATES; each++) {
        struct memory *memory = memory_in(each);
        expect_entry(memory, 2000, entries[each]);
        memory_free(memory);
    }
}

static void peek_tells_the_state_and_changes_nothing(void **state) {
    (void)state;
    const enum verb verbs[] = { VERB_PEEK, VERB_WATCH };
    for (size_t i = 0; i < 2; i++)
        CHECK_ROWS(ask(verbs[i]), NULL,
                   { MISSING, "MISS", NULL },
                   { FRESH, "FRESH 'v'", NULL },
                   { INVALIDATED, "UNFRESH 'v' lease 0", NULL },
                   { LEASED, "UNFRESH 'v' lease 4000", NULL },
                   { LEASED_BARE, "MISS lease 4000", NULL },
                   { ENDED, "UNFRESH 'v' lease 1500", NULL },
                   { LOCKED, "UNFRESH 'v' lease 10000000000", NULL },
                   { LOCKED_BARE, "MISS lease 10000000000", NULL },
                   { BACKED_OFF, "UNFRESH 'v' lease 4000", NULL },
                   { BACKED_OFF_BARE, "MISS lease 4000", NULL });
}

static void acquire_grants_what_nobody_holds(void **state) {
    (void)state;
    CHECK_ROWS(by("B", lasting(5000, ask(VERB_ACQUIRE))), NULL,
               { MISSING, "OWNED", "leased ttl_ms 6000 lease_ms 5000 owner B" },
               { FRESH, "FRESH 'v'", NULL },
               { INVALIDATED, "OWNED 'v' stale 4000", "leased size 1 ttl_ms 6000 lease_ms 5000 owner B" },
               { LEASED, "BUSY 'v' stale 4000 remaining 2000 lease 4000", NULL },
               { LEASED_BARE, "BUSY remaining 2000 lease 4000", NULL },
               { ENDED, "OWNED 'v' stale 4000", "leased size 1 ttl_ms 6000 lease_ms 5000 owner B" },
               { LOCKED, "BUSY 'v' stale -1 remaining 3000 lease 10000000000", NULL },
               { LOCKED_BARE, "BUSY remaining 3000 lease 10000000000", NULL },
               { BACKED_OFF, "BUSY 'v' stale 4000 remaining 2000 lease 4000", NULL },
               { BACKED_OFF_BARE, "BUSY remaining 2000 lease 4000", NULL });
}

static void acquire_lets_strong_readers_pass_a_back_off_but_no_lease(void **state) {
    (void)state;
    CHECK_ROWS(strongly(by("B", lasting(5000, ask(VERB_ACQUIRE)))), NULL,
               { LEASED, "BUSY 'v' stale 4000 remaining 2000 lease 4000", NULL },
               { LOCKED, "BUSY 'v' stale -1 remaining 3000 lease 10000000000", NULL },
               { BACKED_OFF, "OWNED 'v' stale 4000", "leased size 1 ttl_ms 6000 lease_ms 5000 owner B" },
               { BACKED_OFF_BARE, "OWNED", "leased ttl_ms 6000 lease_ms 5000 owner B" });
}

static void acquire_takes_over_the_very_lease_that_was_seen(void **state) {
    (void)state;
    CHECK_ROWS(having_seen("4000", by("B", lasting(5000, ask(VERB_ACQUIRE)))), NULL,
               { LEASED, "OWNED 'v' stale 4000", "leased size 1 ttl_ms 6000 lease_ms 5000 owner B" },
               { LEASED_BARE, "OWNED", "leased ttl_ms 6000 lease_ms 5000 owner B" },
               { LOCKED, "BUSY 'v' stale -1 remaining 3000 lease 10000000000", NULL });
    CHECK_ROWS(having_seen("4001", by("B", lasting(5000, ask(VERB_ACQUIRE)))), NULL,
               { LEASED, "BUSY 'v' stale 4000 remaining 2000 lease 4000", NULL });
    CHECK_ROWS(having_seen("10000000000", by("B", lasting(5000, ask(VERB_ACQUIRE)))), NULL,
               { LOCKED, "BUSY 'v' stale -1 remaining 3000 lease 10000000000", NULL });
}

static void acquire_again_by_its_owner_grants_again(void **state) {
    (void)state;
    CHECK_ROWS(by("A", lasting(5000, ask(VERB_ACQUIRE))), NULL,
               { LEASED, "OWNED 'v' stale 4000", "leased size 1 ttl_ms 6000 lease_ms 5000 owner A" },
               { LEASED_BARE, "OWNED", "leased ttl_ms 6000 lease_ms 5000 owner A" });
    CHECK_ROWS(by("W", lasting(5000, ask(VERB_ACQUIRE))), NULL,
               { LOCKED, "OWNED 'v' stale 5000", "locked size 1 ttl_ms 3000 lease_ms 3000 owner W" });
}

static void acquire_keeps_a_longer_time_to_live(void **state) {
    (void)state;
    CHECK_ROWS(by("B", lasting(100, ask(VERB_ACQUIRE))), NULL,
               { INVALIDATED, "OWNED 'v' stale 4000", "leased size 1 ttl_ms 4000 lease_ms 100 owner B" });
}

static void acquire_without_a_bound_serves_nothing_stale(void **state) {
    (void)state;
    CHECK_ROWS(within(0, by("B", lasting(5000, ask(VERB_ACQUIRE)))), NULL,
               { INVALIDATED, "OWNED", "leased ttl_ms 6000 lease_ms 5000 owner B" },
               { LEASED, "BUSY remaining 2000 lease 4000", NULL });
}

static void acquire_removes_a_value_past_its_bound(void **state) {
    (void)state;
    struct memory *memory = memory_in(FRESH);
    expect(memory, 1000, within(1000, ask(VERB_INVALIDATE)), "DONE");
    expect(memory, 1000, by("A", lasting(5000, ask(VERB_ACQUIRE))), "OWNED 'v' stale 1000");
    expect(memory, 1999, by("B", ask(VERB_ACQUIRE)), "BUSY 'v' stale 1 remaining 4001 lease 6000");
    expect(memory, 2000, by("B", ask(VERB_ACQUIRE)), "BUSY remaining 4000 lease 6000");
    expect(memory, 2000, by("A", lasting(5000, ask(VERB_ACQUIRE))), "OWNED");
    expect_entry(memory, 2000, "leased ttl_ms 6000 lease_ms 5000 owner A");
    memory_free(memory);
}

static void put_stores_only_for_the_owner(void **state) {
    (void)state;
    CHECK_ROWS(by("A", lasting(7000, ask(VERB_PUT))), "new",
               { MISSING, "LOST", NULL },
               { FRESH, "LOST", NULL },
               { INVALIDATED, "LOST", NULL },
               { LEASED, "STORED", "fresh size 3 ttl_ms 7000" },
               { LEASED_BARE, "STORED", "fresh size 3 ttl_ms 7000" },
               { ENDED, "STORED", "fresh size 3 ttl_ms 7000" },
               { LOCKED, "LOST", NULL },
               { LOCKED_BARE, "LOST", NULL },
               { BACKED_OFF, "LOST", NULL },
               { BACKED_OFF_BARE, "LOST", NULL });
    CHECK_ROWS(lasting(7000, ask(VERB_PUT)), "new",
               { FRESH, "LOST", NULL },
               { BACKED_OFF, "LOST", NULL },
               { INVALIDATED, "LOST", NULL });
}

static void put_without_a_life_removes_for_the_owner_only(void **state) {
    (void)state;
    CHECK_ROWS(absent(by("A", ask(VERB_PUT))), NULL,
               { LEASED, "STORED", "" },
               { LEASED_BARE, "STORED", "" },
               { LOCKED, "LOST", NULL },
               { FRESH, "LOST", NULL });
}

static void put_of_an_absent_result_is_a_hit_that_says_so(void **state) {
    (void)state;
    struct memory *memory = memory_in(LEASED);
    expect(memory, 2000, absent(by("A", lasting(7000, ask(VERB_PUT)))), "STORED");
    expect_entry(memory, 2000, "fresh size 0 absent yes ttl_ms 7000");
    expect(memory, 2000, ask(VERB_PEEK), "FRESH '' absent");
    expect(memory, 2000, ask(VERB_GET), "FRESH '' absent");
    expect(memory, 2000, ask(VERB_INVALIDATE), "DONE");
    expect(memory, 2000, by("B", lasting(10, ask(VERB_ACQUIRE))), "OWNED '' absent stale 5000");
    expect(memory, 2000, with("", by("B", lasting(7000, ask(VERB_PUT)))), "STORED");
    expect(memory, 2000, ask(VERB_PEEK), "FRESH ''");
    memory_free(memory);
}

static void put_begins_the_bound_anew(void **state) {
    (void)state;
    struct memory *memory = memory_in(LEASED);
    expect(memory, 2000, with("new", by("A", lasting(9000, ask(VERB_PUT)))), "STORED");
    expect(memory, 3000, ask(VERB_INVALIDATE), "DONE");
    expect(memory, 3000, by("B", lasting(10, ask(VERB_ACQUIRE))), "OWNED 'new' stale 5000");
    memory_free(memory);
}

static void renew_lengthens_what_its_owner_holds(void **state) {
    (void)state;
    CHECK_ROWS(by("A", lasting(5000, ask(VERB_RENEW))), NULL,
               { MISSING, "LOST", NULL },
               { FRESH, "LOST", NULL },
               { INVALIDATED, "LOST", NULL },
               { LEASED, "OWNED", "leased size 1 ttl_ms 6000 lease_ms 5000 owner A" },
               { LEASED_BARE, "OWNED", "leased ttl_ms 6000 lease_ms 5000 owner A" },
               { ENDED, "OWNED", "leased size 1 ttl_ms 6000 lease_ms 5000 owner A" },
               { LOCKED, "LOST", NULL },
               { LOCKED_BARE, "LOST", NULL },
               { BACKED_OFF, "LOST", NULL },
               { BACKED_OFF_BARE, "LOST", NULL });
    CHECK_ROWS(by("W", lasting(9000, ask(VERB_RENEW))), NULL,
               { LOCKED, "OWNED", "locked size 1 ttl_ms 9000 lease_ms 9000 owner W" },
               { LOCKED_BARE, "OWNED", "locked ttl_ms 9000 lease_ms 9000 owner W" });
}

static void renew_removes_a_value_past_its_bound(void **state) {
    (void)state;
    struct memory *memory = memory_in(LEASED);
    expect(memory, 3000, by("A", lasting(5000, ask(VERB_RENEW))), "OWNED");
    expect(memory, 6000, by("A", lasting(5000, ask(VERB_RENEW))), "OWNED");
    expect_entry(memory, 6000, "leased ttl_ms 6000 lease_ms 5000 owner A");
    memory_free(memory);
}

static void release_invalidates_and_keeps_value_and_life(void **state) {
    (void)state;
    CHECK_ROWS(by("A", ask(VERB_RELEASE)), NULL,
               { MISSING, "LOST", NULL },
               { FRESH, "LOST", NULL },
               { INVALIDATED, "LOST", NULL },
               { LEASED, "DONE", "invalidated size 1 ttl_ms 4000" },
               { LEASED_BARE, "DONE", "invalidated ttl_ms 3000" },
               { ENDED, "DONE", "invalidated size 1 ttl_ms 4000" },
               { LOCKED, "LOST", NULL },
               { LOCKED_BARE, "LOST", NULL },
               { BACKED_OFF, "LOST", NULL },
               { BACKED_OFF_BARE, "LOST", NULL });
    CHECK_ROWS(by("W", ask(VERB_RELEASE)), NULL, { LOCKED, "LOST", NULL });
}

static void invalidate_voids_all_but_a_writers_lock(void **state) {
    (void)state;
    CHECK_ROWS(within(3500, ask(VERB_INVALIDATE)), NULL,
               { MISSING, "MISS", NULL },
               { FRESH, "DONE", "invalidated size 1 ttl_ms 3500" },
               { INVALIDATED, "DONE", "invalidated size 1 ttl_ms 3500" },
               { LEASED, "DONE", "invalidated size 1 ttl_ms 3500" },
               { LEASED_BARE, "DONE", "invalidated ttl_ms 3000" },
               { ENDED, "DONE", "invalidated size 1 ttl_ms 3500" },
               { LOCKED, "DONE", NULL },
               { LOCKED_BARE, "DONE", NULL },
               { BACKED_OFF, "DONE", "invalidated size 1 ttl_ms 3500" },
               { BACKED_OFF_BARE, "DONE", "invalidated ttl_ms 3000" });
}

static void invalidate_without_a_bound_removes(void **state) {
    (void)state;
    CHECK_ROWS(within(0, ask(VERB_INVALIDATE)), NULL,
               { FRESH, "DONE", "" },
               { LEASED, "DONE", "" },
               { BACKED_OFF_BARE, "DONE", "" },
               { LOCKED, "DONE", NULL });
}

static void invalidate_again_does_not_lengthen_the_life_of_the_stale(void **state) {
    (void)state;
    struct memory *memory = memory_in(INVALIDATED);
    expect(memory, 2000, by("A", lasting(8000, ask(VERB_ACQUIRE))), "OWNED 'v' stale 4000");
    expect_entry(memory, 2000, "leased size 1 ttl_ms 9000 lease_ms 8000 owner A");
    expect(memory, 3000, ask(VERB_INVALIDATE), "DONE");
    expect_entry(memory, 3000, "invalidated size 1 ttl_ms 3000");
    expect(memory, 5999, ask(VERB_PEEK), "UNFRESH 'v' lease 0");
    expect(memory, 6000, ask(VERB_PEEK), "MISS");
    memory_free(memory);
}

static void invalidate_under_a_lock_starts_the_bound(void **state) {
    (void)state;
    struct memory *memory = memory_in(LOCKED);
    expect(memory, 2000, within(2000, ask(VERB_INVALIDATE)), "DONE");
    expect(memory, 2500, within(9000, ask(VERB_INVALIDATE)), "DONE");
    expect(memory, 3000, by("B", ask(VERB_ACQUIRE)), "BUSY 'v' stale 1000 remaining 2000 lease 10000000000");
    expect(memory, 4000, by("B", ask(VERB_ACQUIRE)), "BUSY remaining 1000 lease 10000000000");
    memory_free(memory);
}

static void lock_takes_over_all_but_another_lock(void **state) {
    (void)state;
    CHECK_ROWS(by("X", lasting(6000, ask(VERB_LOCK))), NULL,
               { MISSING, "OWNED", "locked ttl_ms 6000 lease_ms 6000 owner X" },
               { FRESH, "OWNED", "locked size 1 ttl_ms 6000 lease_ms 6000 owner X" },
               { INVALIDATED, "OWNED", "locked size 1 ttl_ms 6000 lease_ms 6000 owner X" },
               { LEASED, "OWNED", "locked size 1 ttl_ms 6000 lease_ms 6000 owner X" },
               { LEASED_BARE, "OWNED", "locked ttl_ms 6000 lease_ms 6000 owner X" },
               { ENDED, "OWNED", "locked size 1 ttl_ms 6000 lease_ms 6000 owner X" },
               { LOCKED, "BUSY remaining 3000 lease 10000000000", NULL },
               { LOCKED_BARE, "BUSY remaining 3000 lease 10000000000", NULL },
               { BACKED_OFF, "OWNED", "locked size 1 ttl_ms 6000 lease_ms 6000 owner X" },
               { BACKED_OFF_BARE, "OWNED", "locked ttl_ms 6000 lease_ms 6000 owner X" });
    CHECK_ROWS(by("W", lasting(6000, ask(VERB_LOCK))), NULL,
               { LOCKED, "OWNED", "locked size 1 ttl_ms 6000 lease_ms 6000 owner W" });
}

static void unlock_invalidates_unless_another_writer_holds_it(void **state) {
    (void)state;
    CHECK_ROWS(by("W", within(2500, ask(VERB_UNLOCK))), NULL,
               { MISSING, "DONE", NULL },
               { FRESH, "DONE", "invalidated size 1 ttl_ms 2500" },
               { INVALIDATED, "DONE", "invalidated size 1 ttl_ms 2500" },
               { LEASED, "DONE", "invalidated size 1 ttl_ms 2500" },
               { LEASED_BARE, "DONE", "invalidated ttl_ms 2500" },
               { ENDED, "DONE", "invalidated size 1 ttl_ms 2500" },
               { LOCKED, "DONE", "invalidated size 1 ttl_ms 2500" },
               { LOCKED_BARE, "DONE", "invalidated ttl_ms 2500" },
               { BACKED_OFF, "DONE", "invalidated size 1 ttl_ms 2500" },
               { BACKED_OFF_BARE, "DONE", "invalidated ttl_ms 2500" });
    CHECK_ROWS(by("X", within(2500, ask(VERB_UNLOCK))), NULL,
               { LOCKED, "LOST", NULL },
               { LOCKED_BARE, "LOST", NULL });
}

static void set_is_fresh_whatever_was_there(void **state) {
    (void)state;
    for (enum state each = MISSING; each < STATES; each++) {
        CHECK_ROWS(lasting(7000, ask(VERB_SET)), "new", { each, "DONE", "fresh size 3 ttl_ms 7000" });
        CHECK_ROWS(absent(lasting(7000, ask(VERB_SET))), NULL, { each, "DONE", "fresh size 0 absent yes ttl_ms 7000" });
    }
}

static void raw_set_replaces_the_value_alone(void **state) {
    (void)state;
    CHECK_ROWS(lasting(7000, ask(VERB_RAW_SET)), "new",
               { MISSING, "DONE", "fresh size 3 ttl_ms 7000" },
               { FRESH, "DONE", "fresh size 3 ttl_ms 7000" },
               { INVALIDATED, "DONE", "invalidated size 3 ttl_ms 7000" },
               { LEASED, "DONE", "leased size 3 ttl_ms 7000 lease_ms 2000 owner A" },
               { LEASED_BARE, "DONE", "leased size 3 ttl_ms 7000 lease_ms 2000 owner A" },
               { ENDED, "DONE", "invalidated size 3 ttl_ms 7000 owner A" },
               { LOCKED, "DONE", "locked size 3 ttl_ms 3000 lease_ms 3000 owner W" },
               { LOCKED_BARE, "DONE", "locked size 3 ttl_ms 3000 lease_ms 3000 owner W" },
               { BACKED_OFF, "DONE", "backoff size 3 ttl_ms 7000 lease_ms 2000" },
               { BACKED_OFF_BARE, "DONE", "backoff size 3 ttl_ms 7000 lease_ms 2000" });
}

static void raw_set_leaves_the_bound_of_the_stale(void **state) {
    (void)state;
    struct memory *memory = memory_in(INVALIDATED);
    expect(memory, 2000, with("new", lasting(9000, ask(VERB_RAW_SET))), "DONE");
    expect(memory, 3000, by("B", lasting(10, ask(VERB_ACQUIRE))), "OWNED 'new' stale 3000");
    memory_free(memory);
}

static void get_gives_the_value_whatever_its_state(void **state) {
    (void)state;
    for (enum state each = MISSING; each < STATES; each++) {
        bool bare = each == MISSING || each == LEASED_BARE || each == LOCKED_BARE || each == BACKED_OFF_BARE;
        CHECK_ROWS(ask(VERB_GET), NULL, { each, bare ? "MISS" : "FRESH 'v'", NULL });
    }
}

static void delete_removes_whatever_the_state(void **state) {
    (void)state;
    for (enum state each = MISSING; each < STATES; each++)
        CHECK_ROWS(ask(VERB_DELETE), NULL, { each, each == MISSING ? "MISS" : "DONE", "" });
}

static void inspect_escapes_the_owner(void **state) {
    (void)state;
    struct memory *memory = memory_in(MISSING);
    expect(memory, 1000, by("a\n\xff~\\", lasting(6000, ask(VERB_LOCK))), "OWNED");
    expect(memory, 2000, ask(VERB_INSPECT),
           "FRESH 'state locked\nttl_ms 5000\nlease_ms 5000\nowner a\\x0a\\xff~\\x5c\n'");
    memory_free(memory);
}

static void keys_are_bytes(void **state) {
    (void)state;
    struct memory *memory = memory_in(MISSING);
    struct request set = with("nul", lasting(1000, ask(VERB_SET)));
    set.key = slice_of("a\0b", 3);
    expect(memory, 1000, set, "DONE");
    expect(memory, 1000, with("empty", on("", lasting(1000, ask(VERB_SET)))), "DONE");
    expect(memory, 1000, on("a", ask(VERB_PEEK)), "MISS");
    expect(memory, 1000, on("", ask(VERB_PEEK)), "FRESH 'empty'");
    set = ask(VERB_PEEK);
    set.key = slice_of("a\0b", 3);
    expect(memory, 1000, set, "FRESH 'nul'");
    memory_free(memory);
}

/* A value of that size is stored; what a peek shows is it or not. */
static void expect_shared(size_t size, bool shared) {
    struct memory *memory = memory_in(MISSING);
    struct blob *value = blob_new(size);
    memset(value->data, 'v', size);
    struct request set = lasting(1000, ask(VERB_SET)), peek = ask(VERB_PEEK);
    set.value = blob_share(value);
    memory_execute(memory, &set, 1000);
    memory_execute(memory, &peek, 1000);
    assert_int_equal(peek.reply.value == value, shared);
    request_clear(&set);
    memory_free(memory);
    assert_true(slice_equal(blob_slice(peek.reply.value), blob_slice(value)));
    request_clear(&peek);
    blob_drop(value);
}

static void only_small_values_are_copied(void **state) {
    (void)state;
    expect_shared(1, false);
    expect_shared(512, false);
    expect_shared(513, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_are_what_the_rows_start_from),
        cmocka_unit_test(peek_tells_the_state_and_changes_nothing),
        cmocka_unit_test(acquire_grants_what_nobody_holds),
        cmocka_unit_test(acquire_lets_strong_readers_pass_a_back_off_but_no_lease),
        cmocka_unit_test(acquire_takes_over_the_very_lease_that_was_seen),
        cmocka_unit_test(acquire_again_by_its_owner_grants_again),
        cmocka_unit_test(acquire_keeps_a_longer_time_to_live),
        cmocka_unit_test(acquire_without_a_bound_serves_nothing_stale),
        cmocka_unit_test(acquire_removes_a_value_past_its_bound),
        cmocka_unit_test(put_stores_only_for_the_owner),
        cmocka_unit_test(put_without_a_life_removes_for_the_owner_only),
        cmocka_unit_test(put_of_an_absent_result_is_a_hit_that_says_so),
        cmocka_unit_test(put_begins_the_bound_anew),
        cmocka_unit_test(renew_lengthens_what_its_owner_holds),
        cmocka_unit_test(renew_removes_a_value_past_its_bound),
        cmocka_unit_test(release_invalidates_and_keeps_value_and_life),
        cmocka_unit_test(invalidate_voids_all_but_a_writers_lock),
        cmocka_unit_test(invalidate_without_a_bound_removes),
        cmocka_unit_test(invalidate_again_does_not_lengthen_the_life_of_the_stale),
        cmocka_unit_test(invalidate_under_a_lock_starts_the_bound),
        cmocka_unit_test(lock_takes_over_all_but_another_lock),
        cmocka_unit_test(unlock_invalidates_unless_another_writer_holds_it),
        cmocka_unit_test(set_is_fresh_whatever_was_there),
        cmocka_unit_test(raw_set_replaces_the_value_alone),
        cmocka_unit_test(raw_set_leaves_the_bound_of_the_stale),
        cmocka_unit_test(get_gives_the_value_whatever_its_state),
        cmocka_unit_test(delete_removes_whatever_the_state),
        cmocka_unit_test(inspect_escapes_the_owner),
        cmocka_unit_test(keys_are_bytes),
        cmocka_unit_test(only_small_values_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
