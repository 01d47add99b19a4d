/* Write intents: a lock for update that takes the value away, so that nobody is given what is being replaced. */
#include "ask.h"

static struct request intending(struct request request) {
    request.intent = true;
    return request;
}

static struct request lock_by(const char *owner) {
    return by(owner, lasting(6000, ask(VERB_LOCK)));
}

static void it_takes_the_value_from_every_state(void **state) {
    (void)state;
    for (enum state each = MISSING; each < STATES; each++) {
        struct memory *memory = memory_in(each);
        expect(memory, 2000, intending(lock_by("W")), "OWNED");
        expect_entry(memory, 2000, "locked ttl_ms 6000 lease_ms 6000 owner W");
        expect(memory, 2000, ask(VERB_PEEK), "MISS lease 10000000000");
        expect(memory, 2000, ask(VERB_GET), "MISS");
        expect(memory, 2000, by("B", ask(VERB_ACQUIRE)), "BUSY remaining 6000 lease 10000000000");
        memory_free(memory);
    }
}

static void another_s_lock_keeps_its_value(void **state) {
    (void)state;
    struct memory *memory = memory_in(LOCKED);
    expect(memory, 2000, intending(lock_by("X")), "BUSY remaining 3000 lease 10000000000");
    expect_entry(memory, 2000, "locked size 1 ttl_ms 3000 lease_ms 3000 owner W");
    memory_free(memory);
}

static void locking_again_without_it_brings_nothing_back(void **state) {
    (void)state;
    struct memory *memory = memory_in(FRESH);
    expect(memory, 2000, intending(lock_by("W")), "OWNED");
    expect(memory, 2000, lock_by("W"), "OWNED");
    expect(memory, 2000, by("W", lasting(9000, ask(VERB_RENEW))), "OWNED");
    expect_entry(memory, 2000, "locked ttl_ms 9000 lease_ms 9000 owner W");
    memory_free(memory);
}

static void unlocking_leaves_nothing_to_be_served(void **state) {
    (void)state;
    struct memory *memory = memory_in(FRESH);
    expect(memory, 2000, intending(lock_by("W")), "OWNED");
    expect(memory, 2000, by("W", ask(VERB_UNLOCK)), "DONE");
    expect_entry(memory, 2000, "invalidated ttl_ms 5000");
    expect(memory, 2000, by("B", lasting(3000, ask(VERB_ACQUIRE))), "OWNED");
    memory_free(memory);
}

static void it_ends_with_the_key(void **state) {
    (void)state;
    struct memory *memory = memory_in(FRESH);
    expect(memory, 2000, intending(lock_by("W")), "OWNED");
    expect(memory, 7999, by("B", ask(VERB_ACQUIRE)), "BUSY remaining 1 lease 10000000000");
    expect(memory, 8000, ask(VERB_PEEK), "MISS");
    expect(memory, 8000, by("B", lasting(3000, ask(VERB_ACQUIRE))), "OWNED");
    memory_free(memory);
}

static void a_value_whose_time_is_over_goes_too(void **state) {
    (void)state;
    struct memory *memory = memory_new(0, 1);
    struct request set = with("v", lasting(10000, ask(VERB_SET))), acquire = by("B", ask(VERB_ACQUIRE));
    set.fresh_ms = 500;
    acquire.window_ms = 60000;
    expect(memory, 1000, set, "DONE");
    expect(memory, 2000, intending(lock_by("W")), "OWNED");
    expect(memory, 2000, acquire, "BUSY remaining 6000 lease 10000000000");
    memory_free(memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_takes_the_value_from_every_state),
        cmocka_unit_test(another_s_lock_keeps_its_value),
        cmocka_unit_test(locking_again_without_it_brings_nothing_back),
        cmocka_unit_test(unlocking_leaves_nothing_to_be_served),
        cmocka_unit_test(it_ends_with_the_key),
        cmocka_unit_test(a_value_whose_time_is_over_goes_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
