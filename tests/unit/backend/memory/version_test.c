/* What is older than what is known is not stored, for as long as it is kept in mind. */
#include "ask.h"

static struct request version(int64_t number, struct request request) {
    request.version = number;
    return request;
}

static struct request set(int64_t number) {
    return version(number, with("v", lasting(10000, ask(VERB_SET))));
}

static void an_invalidation_keeps_it_in_mind_for_the_whole_bound(void **state) {
    (void)state;
    for (enum state each = MISSING; each < STATES; each++) {
        bool locked = each == LOCKED || each == LOCKED_BARE;
        struct memory *memory = memory_in(each);
        expect(memory, 2000, version(7, ask(VERB_INVALIDATE)), "DONE");
        expect(memory, 4900, version(8, ask(VERB_INVALIDATE)), "DONE"); /* the end of what is stale is near */
        expect(memory, locked ? 4999 : 9899, set(7), "OUTDATED");
        expect(memory, locked ? 5000 : 9900, set(7), "DONE"); /* a lock ends when its holder said */
        memory_free(memory);
    }
}

static void a_value_is_served_no_longer_for_that(void **state) {
    (void)state;
    struct memory *memory = memory_in(MISSING);
    expect(memory, 1000, with("v", lasting(3000, ask(VERB_SET))), "DONE");
    expect(memory, 2000, version(7, ask(VERB_INVALIDATE)), "DONE");
    expect(memory, 3999, by("A", lasting(1, ask(VERB_ACQUIRE))), "OWNED 'v' stale 1");
    expect(memory, 4000, by("A", lasting(1, ask(VERB_ACQUIRE))), "OWNED");
    memory_free(memory);
}

static void what_is_older_is_not_put_and_its_lease_stays(void **state) {
    (void)state;
    struct memory *memory = memory_in(INVALIDATED);
    expect(memory, 2000, version(7, ask(VERB_INVALIDATE)), "DONE");
    expect(memory, 2000, by("A", lasting(3000, ask(VERB_ACQUIRE))), "OWNED 'v' stale 4000");
    expect(memory, 2000, version(6, with("w", by("A", lasting(10000, ask(VERB_PUT))))), "OUTDATED");
    expect(memory, 2000, version(7, with("w", by("A", lasting(10000, ask(VERB_PUT))))), "STORED");
    expect(memory, 2000, set(6), "OUTDATED");
    memory_free(memory);
}

static void an_older_invalidation_takes_nothing_back(void **state) {
    (void)state;
    struct memory *memory = memory_in(FRESH);
    expect(memory, 2000, version(7, ask(VERB_INVALIDATE)), "DONE");
    expect(memory, 2000, version(5, ask(VERB_INVALIDATE)), "DONE");
    expect(memory, 2000, ask(VERB_INVALIDATE), "DONE");
    expect(memory, 2000, set(6), "OUTDATED");
    memory_free(memory);
}

/* Of 5000 ms, here; the value was there until 6000, and the lock for 100 ms. */
static void who_tells_no_version_keeps_it_in_mind_for_as_long(void **state) {
    (void)state;
    struct memory *memory = memory_in(INVALIDATED);
    expect(memory, 5000, version(7, ask(VERB_INVALIDATE)), "DONE");
    expect(memory, 5900, ask(VERB_INVALIDATE), "DONE");
    expect(memory, 10800, set(6), "OUTDATED");
    expect(memory, 10800, by("A", lasting(100, ask(VERB_LOCK))), "OWNED");
    expect(memory, 10850, version(8, ask(VERB_INVALIDATE)), "DONE");
    expect(memory, 10860, by("A", ask(VERB_UNLOCK)), "DONE");
    expect(memory, 15000, set(7), "OUTDATED");
    memory_free(memory);
}

static void a_failed_load_leaves_it(void **state) {
    (void)state;
    struct memory *memory = memory_in(FRESH);
    struct request release = by("A", ask(VERB_RELEASE));
    release.drops = true;
    expect(memory, 2000, version(7, ask(VERB_INVALIDATE)), "DONE");
    expect(memory, 2000, by("A", lasting(3000, ask(VERB_ACQUIRE))), "OWNED 'v' stale 5000");
    expect(memory, 2000, release, "DONE");
    expect(memory, 2000, set(6), "OUTDATED");
    memory_free(memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_invalidation_keeps_it_in_mind_for_the_whole_bound),
        cmocka_unit_test(a_value_is_served_no_longer_for_that),
        cmocka_unit_test(what_is_older_is_not_put_and_its_lease_stays),
        cmocka_unit_test(an_older_invalidation_takes_nothing_back),
        cmocka_unit_test(who_tells_no_version_keeps_it_in_mind_for_as_long),
        cmocka_unit_test(a_failed_load_leaves_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
