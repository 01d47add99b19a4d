/* The two layouts of an entry in one fleet: whoever comes upon the other's entry reads it, and rewrites it as his own
 * once he changes it. */
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

enum { EPOCH = 0xe1, LARGE = 1 << 20 };

static struct request ask(enum verb verb, const char *owner) {
    return (struct request){
        .verb = verb, .key = slice_of_text("k"), .owner = slice_of_text(owner), .life_ms = 60000, .bound_ms = 50000
    };
}

static struct request with(struct blob *value, struct request request) {
    request.value = value;
    return request;
}

static struct request storing(const char *value, struct request request) {
    return with(blob_copy(value, strlen(value)), request);
}

static const char *answer(bool packed, struct request request) {
    asking_wire.facts.packed = packed;
    return asking_answer(request);
}

#define expect(packed, request, expected) assert_string_equal(answer(packed, request), (expected))

static int setup(void **state) {
    (void)state;
    test_store_command("FLUSHALL");
    asking_wire.facts.epoch = EPOCH;
    return 0;
}

static int64_t ttl_ms(void) {
    return strtoll(test_store_command("PTTL k"), NULL, 10);
}

static void a_fresh_value_is_found_by_both(void **state) {
    (void)state;
    for (int from = 0; from < 2; from++) {
        bool packed = from == 1, other = !packed;
        expect(packed, storing("v", ask(VERB_SET, "")), "DONE");
        expect(packed, ask(VERB_PEEK, ""), "FRESH 'v'");
        expect(other, ask(VERB_GET, ""), "FRESH 'v'");
        expect(other, ask(VERB_PEEK, ""), "MISS"); /* which asks a script */
        expect(other, ask(VERB_ACQUIRE, "a"), "FRESH 'v'");
        assert_string_equal(test_store_command("TYPE k"), packed ? "string" : "hash");
        expect(other, ask(VERB_INVALIDATE, ""), "DONE");
        expect(other, ask(VERB_PEEK, ""), "UNFRESH 'v'");
        assert_in_range(ttl_ms(), 40000, 50000);
        assert_string_equal(test_store_command("TYPE k"), packed ? "hash" : "string");
    }
}

static void who_writes_one_layout_refreshes_nothing_in_the_other(void **state) {
    (void)state;
    for (int from = 0; from < 2; from++) {
        bool packed = from == 1, other = !packed;
        expect(packed, storing("v", ask(VERB_SET, "")), "DONE");
        expect(other, ask(VERB_REFRESH, "a"), "LOST");
        expect(packed, ask(VERB_REFRESH, "b"), "OWNED");
        expect(packed, ask(VERB_REFRESH, "c"), "BUSY");
        expect(packed, ask(VERB_PEEK, ""), "FRESH 'v'");
        expect(packed, storing("w", ask(VERB_PUT, "b")), "STORED");
    }
}

static void leases_locks_and_bounds_stay(void **state) {
    (void)state;
    for (int from = 0; from < 2; from++) {
        bool packed = from == 1, other = !packed;
        test_store_command("FLUSHALL");
        expect(packed, storing("v", ask(VERB_SET, "")), "DONE");
        expect(packed, ask(VERB_INVALIDATE, ""), "DONE");
        expect(packed, ask(VERB_ACQUIRE, "a"), "OWNED 'v'");
        expect(other, ask(VERB_ACQUIRE, "b"), "BUSY 'v'");
        expect(other, storing("w", ask(VERB_PUT, "b")), "LOST");
        expect(packed, storing("w", ask(VERB_PUT, "a")), "STORED");
        expect(other, ask(VERB_LOCK, "writer"), "OWNED");
        expect(packed, ask(VERB_LOCK, "another"), "BUSY");
        expect(packed, ask(VERB_ACQUIRE, "a"), "BUSY 'w'");
        expect(packed, ask(VERB_UNLOCK, "another"), "LOST");
        expect(other, ask(VERB_UNLOCK, "writer"), "DONE");
        expect(packed, ask(VERB_ACQUIRE, "a"), "OWNED 'w'");
        expect(packed, ask(VERB_RELEASE, "a"), "DONE");
        assert_in_range(ttl_ms(), 50000, 61000);
    }
}

static void an_intent_takes_the_value_in_either(void **state) {
    (void)state;
    static char large[70000];
    memset(large, 'v', sizeof large - 1);
    const char *const values[] = { "", "v", large };
    for (int guise = 0; guise < 4; guise++)
        for (size_t i = 0; i < 3; i++) {
            bool packed = (guise & 1) != 0, other = (guise & 2) != 0;
            test_store_command("FLUSHALL");
            expect(packed, storing(values[i], ask(VERB_SET, "")), "DONE");
            struct request lock = ask(VERB_LOCK, "writer");
            lock.intent = true;
            expect(other, lock, "OWNED");
            assert_in_range(ttl_ms(), 59000, 60000);
            expect(other, ask(VERB_GET, ""), "MISS");
            expect(packed, ask(VERB_ACQUIRE, "a"), "BUSY");
            expect(other, ask(VERB_UNLOCK, "writer"), "DONE");
            expect(packed, ask(VERB_ACQUIRE, "a"), "OWNED");
        }
}

static void what_stands_for_none_is_never_an_empty_value(void **state) {
    (void)state;
    for (int from = 0; from < 2; from++) {
        bool packed = from == 1, other = !packed;
        test_store_command("FLUSHALL");
        struct request set = ask(VERB_SET, "");
        set.absent = true;
        expect(packed, set, "DONE");
        const char *found = answer(other, ask(VERB_ACQUIRE, "a"));
        assert_string_equal(found, packed ? "OWNED" : "FRESH ''"); /* the latter is known to be absent */
        struct request again = ask(VERB_ACQUIRE, "b");
        asking_wire.facts.packed = other;
        assert_true(wire_execute(&asking_wire, &again));
        assert_true(packed || again.reply.absent);
        request_clear(&again);
    }
}

static struct request versioned(int64_t version, struct request request) {
    request.version = version;
    return request;
}

static void versions_are_known_to_both(void **state) {
    (void)state;
    for (int guise = 0; guise < 4; guise++) {
        bool packed = (guise & 1) != 0, other = !packed;
        struct request set = versioned(7, ask(VERB_SET, ""));
        set.absent = (guise & 2) != 0;
        test_store_command("FLUSHALL");
        expect(packed, set.absent ? set : storing("v", set), "DONE");
        expect(other, versioned(6, storing("w", ask(VERB_SET, ""))), "OUTDATED");
        expect(other, ask(VERB_INVALIDATE, ""), "DONE");
        expect(packed, versioned(6, storing("w", ask(VERB_SET, ""))), "OUTDATED");
        assert_memory_equal(answer(packed, ask(VERB_ACQUIRE, "a")), "OWNED", 5);
        expect(other, versioned(6, storing("w", ask(VERB_PUT, "a"))), "OUTDATED");
        expect(other, versioned(8, storing("w", ask(VERB_PUT, "a"))), "STORED");
        expect(packed, versioned(7, ask(VERB_INVALIDATE, "")), "DONE");
        expect(packed, versioned(7, storing("w", ask(VERB_SET, ""))), "OUTDATED");
    }
}

static void a_version_is_kept_where_there_is_nothing_else(void **state) {
    (void)state;
    for (int from = 0; from < 2; from++) {
        bool packed = from == 1, other = !packed;
        test_store_command("FLUSHALL");
        expect(packed, versioned(7, ask(VERB_INVALIDATE, "")), "DONE");
        assert_in_range(ttl_ms(), 40000, 50000);
        expect(packed, ask(VERB_PEEK, ""), "MISS");
        expect(other, versioned(6, storing("w", ask(VERB_SET, ""))), "OUTDATED");
        expect(other, ask(VERB_ACQUIRE, "a"), "OWNED");
        expect(packed, versioned(6, storing("w", ask(VERB_PUT, "a"))), "OUTDATED");
    }
}

static void a_set_with_a_version_takes_the_place_of_what_is_no_entry(void **state) {
    (void)state;
    for (int layout = 0; layout < 2; layout++) {
        test_store_command("DEL k");
        test_store_command("RPUSH k a");
        expect(layout == 1, versioned(1, storing("v", ask(VERB_SET, ""))), "DONE");
        test_store_command("SET k text");
        expect(layout == 1, versioned(1, storing("v", ask(VERB_SET, ""))), "DONE");
        expect(layout == 1, ask(VERB_PEEK, ""), "FRESH 'v'");
    }
}

/* Nobody who can't be told when its time was over takes it for fresh once the load has failed. */
static void what_has_lapsed_is_not_fresh_in_the_other_layout(void **state) {
    (void)state;
    for (int from = 0; from < 2; from++) {
        bool packed = from == 1, other = !packed;
        struct request set = storing("v", ask(VERB_SET, "")), acquire = ask(VERB_ACQUIRE, "a");
        set.fresh_ms = 1;
        acquire.window_ms = 50000;
        expect(packed, set, "DONE");
        while (strcmp(answer(packed, ask(VERB_PEEK, "")), "UNFRESH 'v'") != 0)
            ;
        expect(other, acquire, "OWNED 'v'");
        expect(other, ask(VERB_PEEK, ""), "UNFRESH 'v'");
        expect(other, ask(VERB_RELEASE, "a"), "DONE");
        expect(other, ask(VERB_PEEK, ""), "UNFRESH 'v'");
        expect(packed, acquire, "OWNED 'v'");
    }
}

static void what_is_no_entry_is_told_and_left(void **state) {
    (void)state;
    static const enum verb verbs[] = { VERB_ACQUIRE, VERB_PUT, VERB_INVALIDATE, VERB_LOCK, VERB_UNLOCK, VERB_RENEW };
    test_store_command("SET k text");
    test_store_command("RPUSH l a");
    test_store_command("HSET h theirs 1");
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        for (size_t key = 0; key < 3; key++) {
            struct request request = ask(verbs[i], "a");
            request.key = slice_of_text((const char *const[]){ "k", "l", "h" }[key]);
            expect(true, storing("v", request), "RCACHE_E_TYPE");
        }
    test_store_command("SET short %b", "ab\xF5\xFE", (size_t)4);
    struct request request = ask(VERB_LOCK, "a");
    request.key = slice_of_text("short");
    expect(true, request, "RCACHE_E_TYPE");
    expect(true, ask(VERB_PEEK, ""), "RCACHE_E_TYPE");
    expect(true, ask(VERB_GET, ""), "FRESH 'text'");
    assert_string_equal(test_store_command("GET k"), "text");
    assert_string_equal(test_store_command("HGET h theirs"), "1");
}

static void a_large_value_stays_whole_while_its_lease_changes(void **state) {
    (void)state;
    struct blob *value = blob_new(LARGE);
    for (size_t i = 0; i < LARGE; i++)
        value->data[i] = (char)(i * 7 % 251);
    expect(true, with(blob_share(value), ask(VERB_SET, "")), "DONE");
    assert_string_equal(answer(true, ask(VERB_INVALIDATE, "")), "DONE");
    for (int i = 0; i < 3; i++) {
        struct request acquire = ask(VERB_ACQUIRE, i == 1 ? "an owner of a longer name" : "a");
        assert_true(wire_execute(&asking_wire, &acquire));
        assert_int_equal(acquire.reply.verdict, VERDICT_OWNED);
        assert_true(slice_equal(blob_slice(acquire.reply.value), blob_slice(value)));
        request_clear(&acquire);
        expect(true, ask(VERB_RELEASE, i == 1 ? "an owner of a longer name" : "a"), "DONE");
        struct request peek = ask(VERB_PEEK, "");
        assert_true(wire_execute(&asking_wire, &peek));
        assert_int_equal(peek.reply.verdict, VERDICT_UNFRESH);
        assert_true(slice_equal(blob_slice(peek.reply.value), blob_slice(value)));
        request_clear(&peek);
    }
    blob_drop(value);
}

static void a_fresh_entry_is_small(void **state) {
    (void)state;
    expect(true, ask(VERB_ACQUIRE, "an owner"), "OWNED");
    expect(true, storing("value", ask(VERB_PUT, "an owner")), "STORED");
    assert_string_equal(test_store_command("STRLEN k"), "29"); /* 5, 18 for the epoch, 6 */
}

static int run_all(const char *name) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_fresh_value_is_found_by_both, setup),
        cmocka_unit_test_setup(who_writes_one_layout_refreshes_nothing_in_the_other, setup),
        cmocka_unit_test_setup(leases_locks_and_bounds_stay, setup),
        cmocka_unit_test_setup(an_intent_takes_the_value_in_either, setup),
        cmocka_unit_test_setup(what_stands_for_none_is_never_an_empty_value, setup),
        cmocka_unit_test_setup(what_has_lapsed_is_not_fresh_in_the_other_layout, setup),
        cmocka_unit_test_setup(what_is_no_entry_is_told_and_left, setup),
        cmocka_unit_test_setup(versions_are_known_to_both, setup),
        cmocka_unit_test_setup(a_version_is_kept_where_there_is_nothing_else, setup),
        cmocka_unit_test_setup(a_set_with_a_version_takes_the_place_of_what_is_no_entry, setup),
        cmocka_unit_test_setup(a_large_value_stays_whole_while_its_lease_changes, setup),
        cmocka_unit_test_setup(a_fresh_entry_is_small, setup),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void) {
    return asking_on_each_server(run_all);
}
