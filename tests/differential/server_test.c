/* What only a real server can tell of the scripts: that they are found by their hash, what a server without memory, of
 * another mind about a key's type or without the scripts does to them, and entries that other clients wrote. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "backend/redis/scripts.h"
#include "differential/asking.h"
#include "resilicache.h"
#include "support/stores.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { EPOCH = 0xe1 };

/* ---- asking */

static struct request ask(enum verb verb) {
    return (struct request){
        .verb = verb, .key = slice_of_text("k"), .owner = slice_of_text("me"), .life_ms = 60000, .bound_ms = 60000
    };
}

static struct request with(const char *value, struct request request) {
    request.value = blob_copy(value, strlen(value));
    return request;
}

static struct request strongly(struct request request) {
    request.strong = true;
    return request;
}

#define expect(request, expected) assert_string_equal(asking_answer(request), (expected))

/* The entry made by hand; NULL: that field is missing. */
static void write_entry(const char *value, const char *lock_until, const char *lock_owner, const char *meta) {
    test_store_command("DEL k");
    if (value != NULL)
        test_store_command("HSET k value %s", value);
    if (lock_until != NULL)
        test_store_command("HSET k lockUntil %s", lock_until);
    if (lock_owner != NULL)
        test_store_command("HSET k lockOwner %s", lock_owner);
    if (meta != NULL)
        test_store_command("HSET k meta %s", meta);
}

static const char *field(const char *name) {
    return test_store_command("HGET k %s", name);
}

static int64_t ttl_ms(void) {
    return strtoll(test_store_command("PTTL k"), NULL, 10);
}

static int64_t server_seconds(void) {
    return strtoll(test_store_command("TIME"), NULL, 10);
}

static const char *seconds_from_now(int64_t seconds, const char *fraction) {
    static char text[32];
    snprintf(text, sizeof text, "%" PRId64 "%s", server_seconds() + seconds, fraction);
    return text;
}

static int setup(void **state) {
    (void)state;
    test_store_command("FLUSHALL");
    asking_wire.facts.epoch = EPOCH;
    asking_wire.facts.packed = false;
    return 0;
}

/* ---- how the scripts get there */

static void scripts_are_found_by_their_hash(void **state) {
    (void)state;
    test_store_command("SCRIPT FLUSH");
    for (size_t i = 0; script_at(i, false) != NULL; i++) {
        const struct script *script = script_at(i, false);
        const struct resp *resp =
            wire_command(&asking_wire, (const char *const[]){ "SCRIPT", "LOAD", script->text.data, NULL });
        assert_non_null(resp);
        assert_true(slice_equal(resp->text, slice_of_text(script->sha1)));
    }
    expect(ask(VERB_ACQUIRE), "OWNED");
    assert_int_equal(asking_wire.rounds, 1);
}

static void a_server_that_lost_them_gets_the_text(void **state) {
    (void)state;
    test_store_command("SCRIPT FLUSH");
    expect(ask(VERB_ACQUIRE), "OWNED");
    assert_int_equal(asking_wire.rounds, 2);
    test_store_command("SCRIPT FLUSH");
    struct request request = ask(VERB_INVALIDATE);
    request.replicas = 1;
    request.replicas_ms = 1;
    expect(request, "RCACHE_E_TIMEOUT"); /* there are no replicas */
    assert_int_equal(asking_wire.rounds, 2);
    assert_string_equal(field("lockUntil"), "0");
}

/* ---- servers and keys that are not as they should be */

static void another_type_is_told_and_left(void **state) {
    (void)state;
    test_store_command("SET k text");
    for (enum verb verb = VERB_PEEK; verb <= VERB_INSPECT; verb++) {
        if (verb == VERB_PEEK || verb == VERB_WATCH || verb == VERB_SET || verb == VERB_GET || verb == VERB_DELETE)
            continue;
        expect(with("v", ask(verb)), "RCACHE_E_TYPE");
        assert_string_equal(test_store_command("GET k"), "text");
    }
    expect(ask(VERB_GET), "FRESH 'text'");
    expect(with("v", ask(VERB_SET)), "DONE");
    expect(ask(VERB_PEEK), "FRESH 'v'");
    test_store_command("DEL k");
    test_store_command("RPUSH k a");
    expect(ask(VERB_GET), "RCACHE_E_TYPE");
    expect(ask(VERB_DELETE), "DONE");
}

static void without_memory_an_invalidation_removes(void **state) {
    (void)state;
    static const enum verb verbs[] = { VERB_INVALIDATE, VERB_UNLOCK };
    for (size_t i = 0; i < 2; i++) {
        expect(with("v", ask(VERB_SET)), "DONE");
        test_store_command("CONFIG SET maxmemory 1");
        expect(with("w", ask(VERB_PUT)), "LOST");
        expect(ask(VERB_ACQUIRE), "FRESH 'v'");
        expect(ask(verbs[i]), "DONE");
        assert_string_equal(test_store_command("EXISTS k"), "0");
        expect(ask(VERB_ACQUIRE), "RCACHE_E_SERVER");
        test_store_command("CONFIG SET maxmemory 0");
    }
}

/* The value goes, the writer's lock stays. */
static void without_memory_another_writer_stays_locked(void **state) {
    (void)state;
    expect(with("v", ask(VERB_SET)), "DONE");
    expect(ask(VERB_LOCK), "OWNED");
    test_store_command("CONFIG SET maxmemory 1");
    expect(ask(VERB_INVALIDATE), "DONE");
    test_store_command("CONFIG SET maxmemory 0");
    assert_string_equal(test_store_command("HMGET k value lockUntil lockOwner"), "(nil) 10000000000 me");
}

/* No part of a string can go without memory: what is locked by another is told to be as it was. */
static void without_memory_a_packed_lock_outlives_an_invalidation_that_fails(void **state) {
    (void)state;
    asking_wire.facts.packed = true;
    expect(with("v", ask(VERB_SET)), "DONE");
    expect(ask(VERB_LOCK), "OWNED");
    test_store_command("CONFIG SET maxmemory 1");
    expect(ask(VERB_INVALIDATE), "RCACHE_E_SERVER");
    expect(ask(VERB_GET), "FRESH 'v'");
    test_store_command("CONFIG SET maxmemory 0");
    expect(ask(VERB_RENEW), "OWNED");
    test_store_command("CONFIG SET maxmemory 1");
    expect(ask(VERB_UNLOCK), "DONE"); /* his own */
    test_store_command("CONFIG SET maxmemory 0");
    assert_string_equal(test_store_command("EXISTS k"), "0");
}

static void nothing_outlives_its_time(void **state) {
    (void)state;
    write_entry(NULL, NULL, NULL, NULL);
    expect(ask(VERB_ACQUIRE), "OWNED");
    assert_in_range(ttl_ms(), 60000, 61000);
    expect(ask(VERB_LOCK), "OWNED");
    assert_in_range(ttl_ms(), 59000, 60000);
    write_entry("v", NULL, NULL, NULL);
    expect(ask(VERB_INVALIDATE), "DONE");
    assert_in_range(ttl_ms(), 59000, 60000);
    write_entry("v", NULL, NULL, NULL);
    expect(with("w", ask(VERB_RAW_SET)), "DONE");
    assert_in_range(ttl_ms(), 59000, 60000);
}

/* ---- entries of other clients */

static void a_lease_in_whole_seconds_lasts_to_their_end(void **state) {
    (void)state;
    for (int64_t now = server_seconds(); server_seconds() == now;) {} /* else its end may come meanwhile */
    write_entry("v", seconds_from_now(0, ""), "other", NULL);
    expect(strongly(ask(VERB_ACQUIRE)), "BUSY 'v'");
    write_entry("v", seconds_from_now(-1, ".999"), "other", NULL);
    expect(strongly(ask(VERB_ACQUIRE)), "OWNED 'v'");
    write_entry("v", seconds_from_now(-2, ""), "other", NULL);
    expect(strongly(ask(VERB_ACQUIRE)), "OWNED 'v'");
}

static void a_lease_is_written_in_seconds_with_three_decimals(void **state) {
    (void)state;
    for (int i = 0; i < 50; i++) {
        test_store_command("DEL k");
        expect(ask(VERB_ACQUIRE), "OWNED");
        const char *lease = field("lockUntil");
        assert_int_equal(strlen(lease), 14);
        assert_int_equal(strspn(lease, "0123456789"), 10);
        assert_int_equal(lease[10], '.');
        assert_int_equal(strspn(lease + 11, "0123456789"), 3);
        nanosleep(&(struct timespec){ .tv_nsec = 1300000 }, NULL);
    }
}

static void a_back_off_keeps_only_eventual_readers(void **state) {
    (void)state;
    write_entry("v", seconds_from_now(60, ""), NULL, NULL);
    expect(ask(VERB_ACQUIRE), "BUSY 'v'");
    expect(strongly(ask(VERB_ACQUIRE)), "OWNED 'v'");
    write_entry(NULL, seconds_from_now(60, ""), NULL, NULL);
    expect(ask(VERB_ACQUIRE), "BUSY");
    expect(strongly(ask(VERB_ACQUIRE)), "OWNED");
}

static void a_lease_that_is_no_number_has_ended(void **state) {
    (void)state;
    static const char *const leases[] = { "soon", "nan", "inf", "-1", "0x7fffffff", "1e9", ".", "" };
    for (size_t i = 0; i < sizeof leases / sizeof leases[0]; i++) {
        write_entry("v", leases[i], "other", NULL);
        assert_non_null(strstr(asking_answer(ask(VERB_INSPECT)), "state invalidated"));
        expect(ask(VERB_ACQUIRE), "OWNED 'v'");
    }
}

static void an_update_lock_yields_to_nobody_but_its_owner(void **state) {
    (void)state;
    write_entry("v", "10000000000", "other", NULL);
    struct request seen = ask(VERB_ACQUIRE);
    seen.seen = slice_of_text("10000000000");
    expect(seen, "BUSY 'v'");
    expect(ask(VERB_LOCK), "BUSY");
    expect(ask(VERB_UNLOCK), "LOST");
    expect(ask(VERB_INVALIDATE), "DONE");
    assert_string_equal(field("lockUntil"), "10000000000");
    struct request owner = ask(VERB_UNLOCK);
    owner.owner = slice_of_text("other");
    expect(owner, "DONE");
    assert_string_equal(field("lockUntil"), "0");
}

static void an_entry_of_no_epoch_is_not_for_strong_readers(void **state) {
    (void)state;
    write_entry("v", NULL, NULL, NULL);
    expect(ask(VERB_ACQUIRE), "FRESH 'v'");
    expect(strongly(ask(VERB_ACQUIRE)), "OWNED 'v'");
}

/* failover=trust, or a server that tells no id. */
static void without_epochs_an_entry_of_none_is_for_everybody(void **state) {
    (void)state;
    asking_wire.facts.epoch = 0;
    write_entry("v", NULL, NULL, NULL);
    expect(strongly(ask(VERB_PEEK)), "FRESH 'v'");
    expect(strongly(ask(VERB_ACQUIRE)), "FRESH 'v'");
}

static void an_entry_of_another_epoch_is_for_nobody(void **state) {
    (void)state;
    expect(with("v", ask(VERB_SET)), "DONE");
    asking_wire.facts.epoch = EPOCH + 1;
    expect(ask(VERB_PEEK), "UNFRESH 'v'");
    expect(ask(VERB_ACQUIRE), "OWNED 'v'");
    asking_wire.facts.epoch = EPOCH;
    expect(ask(VERB_PEEK), "UNFRESH 'v'"); /* leased by now */
}

/* The lease may have come with a replica or a snapshot that knows nothing of the invalidation after it. */
static void a_lease_of_another_epoch_stores_nothing(void **state) {
    (void)state;
    expect(ask(VERB_ACQUIRE), "OWNED");
    struct request renew = ask(VERB_RENEW), put = with("v", ask(VERB_PUT));
    renew.grant.epoch = put.grant.epoch = EPOCH;
    asking_wire.facts.epoch = EPOCH + 1;
    expect(renew, "LOST");
    expect(put, "LOST");
    asking_wire.facts.epoch = EPOCH;
    expect(renew, "OWNED");
    put = with("v", ask(VERB_PUT));
    put.grant.epoch = EPOCH;
    expect(put, "STORED");
}

/* Acquire was sent over two connections.  The first arrives last, when the lease has been invalidated. */
static void a_late_acquire_gives_no_lease_back(void **state) {
    (void)state;
    struct request first = ask(VERB_ACQUIRE), second = ask(VERB_ACQUIRE), put = with("v1", ask(VERB_PUT));
    first.attempts = 1;
    second.attempts = 2;
    put.grant = (struct grant){ EPOCH, 2 };
    expect(second, "OWNED");
    expect(ask(VERB_INVALIDATE), "DONE");
    expect(first, "OWNED");
    expect(put, "LOST");
}

/* ... or was carried out, and only the answer lost: the second takes over from the first, not from anyone. */
static void acquire_may_be_asked_again(void **state) {
    (void)state;
    struct request first = ask(VERB_ACQUIRE), second = ask(VERB_ACQUIRE), put = with("v1", ask(VERB_PUT));
    struct request other = ask(VERB_ACQUIRE);
    first.attempts = other.attempts = 1;
    other.owner = slice_of_text("other");
    second.attempts = 2;
    put.grant = (struct grant){ EPOCH, 2 };
    expect(first, "OWNED");
    expect(second, "OWNED");
    expect(first, "BUSY");
    expect(other, "BUSY");
    expect(put, "STORED");
    expect(ask(VERB_INVALIDATE), "DONE");
    expect(other, "OWNED 'v1'");
    expect(second, "BUSY 'v1'");
}

/* Another client has put its value beside our meta, which names the right epoch. */
static void meta_left_beside_another_value_is_not_believed(void **state) {
    (void)state;
    expect(with("old", ask(VERB_SET)), "DONE");
    test_store_command("HSET k value new");
    expect(ask(VERB_ACQUIRE), "FRESH 'new'");
    expect(strongly(ask(VERB_ACQUIRE)), "OWNED 'new'");
    assert_int_equal(asking_wire.rounds, 2);
}

/* ... nor the mark in it: the value that it was about has been replaced. */
static void a_mark_without_a_lease_is_none(void **state) {
    (void)state;
    write_entry("v", NULL, NULL, "t=1000");
    expect(ask(VERB_INVALIDATE), "DONE");
    expect(ask(VERB_ACQUIRE), "OWNED 'v'");
}

static void only_the_first_mark_counts(void **state) {
    (void)state;
    char mark[128];
    write_entry("v", "0", NULL, "x=1;t=nonsense;y");
    expect(ask(VERB_INVALIDATE), "DONE");
    snprintf(mark, sizeof mark, "%s", field("meta"));
    assert_int_equal(strncmp(mark, "x=1;y;t=", 8), 0);
    struct request later = ask(VERB_INVALIDATE);
    later.bound_ms = 90000;
    expect(later, "DONE");
    assert_string_equal(field("meta"), mark);
    assert_in_range(ttl_ms(), 59000, 60000);
}

static void unknown_fields_stay(void **state) {
    (void)state;
    write_entry("v", "0", NULL, NULL);
    test_store_command("HSET k theirs 1");
    expect(ask(VERB_ACQUIRE), "OWNED 'v'");
    expect(with("w", ask(VERB_PUT)), "STORED");
    assert_string_equal(field("theirs"), "1");
}

static int run_all(const char *name) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(scripts_are_found_by_their_hash, setup),
        cmocka_unit_test_setup(a_server_that_lost_them_gets_the_text, setup),
        cmocka_unit_test_setup(another_type_is_told_and_left, setup),
        cmocka_unit_test_setup(without_memory_an_invalidation_removes, setup),
        cmocka_unit_test_setup(without_memory_another_writer_stays_locked, setup),
        cmocka_unit_test_setup(without_memory_a_packed_lock_outlives_an_invalidation_that_fails, setup),
        cmocka_unit_test_setup(nothing_outlives_its_time, setup),
        cmocka_unit_test_setup(a_lease_in_whole_seconds_lasts_to_their_end, setup),
        cmocka_unit_test_setup(a_lease_is_written_in_seconds_with_three_decimals, setup),
        cmocka_unit_test_setup(a_back_off_keeps_only_eventual_readers, setup),
        cmocka_unit_test_setup(a_lease_that_is_no_number_has_ended, setup),
        cmocka_unit_test_setup(an_update_lock_yields_to_nobody_but_its_owner, setup),
        cmocka_unit_test_setup(an_entry_of_no_epoch_is_not_for_strong_readers, setup),
        cmocka_unit_test_setup(without_epochs_an_entry_of_none_is_for_everybody, setup),
        cmocka_unit_test_setup(an_entry_of_another_epoch_is_for_nobody, setup),
        cmocka_unit_test_setup(a_lease_of_another_epoch_stores_nothing, setup),
        cmocka_unit_test_setup(a_late_acquire_gives_no_lease_back, setup),
        cmocka_unit_test_setup(acquire_may_be_asked_again, setup),
        cmocka_unit_test_setup(meta_left_beside_another_value_is_not_believed, setup),
        cmocka_unit_test_setup(a_mark_without_a_lease_is_none, setup),
        cmocka_unit_test_setup(only_the_first_mark_counts, setup),
        cmocka_unit_test_setup(unknown_fields_stay, setup),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void) {
    return asking_on_each_server(run_all);
}
