/* Shortly after an invalidation what is put without a version is not kept for long. */
#include "ask.h"

static struct request settling(int64_t settle_ms, struct request request) {
    request.settle_ms = settle_ms;
    return request;
}

static struct request put(void) {
    return settling(2000, with("w", by("A", lasting(10000, ask(VERB_PUT)))));
}

static void load(struct memory *memory, int64_t began_ms, int64_t ended_ms) {
    run(memory, began_ms, by("A", lasting(5000, ask(VERB_ACQUIRE))), NULL);
    expect(memory, ended_ms, put(), "STORED");
}

static void it_counts_when_the_load_began(void **state) {
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct memory *memory = memory_in(FRESH);
        expect(memory, 2000, settling(2000, ask(VERB_INVALIDATE)), "DONE");
        load(memory, late ? 4000 : 3999, 5000);
        expect_entry(memory, 5000, late ? "fresh size 1 ttl_ms 10000" : "fresh size 1 ttl_ms 2000");
        memory_free(memory);
    }
}

static void every_invalidation_counts_in_every_state(void **state) {
    (void)state;
    for (enum state each = MISSING; each < STATES; each++)
        for (int verb = 0; verb < 2; verb++) {
            struct memory *memory = memory_in(each);
            bool unlocks = verb == 1 || each == LOCKED || each == LOCKED_BARE;
            expect(memory, 2000, settling(2000, by("W", ask(unlocks ? VERB_UNLOCK : VERB_INVALIDATE))), "DONE");
            load(memory, 3000, 3000);
            expect_entry(memory, 3000, "fresh size 1 ttl_ms 2000");
            memory_free(memory);
        }
}

static void what_tells_a_version_and_what_is_set_is_kept(void **state) {
    (void)state;
    struct memory *memory = memory_in(FRESH);
    struct request versioned = put();
    versioned.version = 7;
    expect(memory, 2000, settling(2000, ask(VERB_INVALIDATE)), "DONE");
    run(memory, 2000, by("A", lasting(5000, ask(VERB_ACQUIRE))), NULL);
    expect(memory, 2000, versioned, "STORED");
    expect_entry(memory, 2000, "fresh size 1 ttl_ms 10000");
    expect(memory, 2000, settling(2000, ask(VERB_INVALIDATE)), "DONE");
    expect(memory, 2000, settling(2000, with("w", lasting(10000, ask(VERB_SET)))), "DONE");
    expect_entry(memory, 2000, "fresh size 1 ttl_ms 10000");
    memory_free(memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_counts_when_the_load_began),
        cmocka_unit_test(every_invalidation_counts_in_every_state),
        cmocka_unit_test(what_tells_a_version_and_what_is_set_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
