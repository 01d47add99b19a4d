/* Every allocation of every verb refused in turn: nothing is changed, nothing leaks, and what needs none works on. */
#include "ask.h"
#include "base/alloc.h"

enum { ALL = -1 };

static int asked, refused_at; /* counted from 1; 0: none is refused */

static int refuse(void) {
    return ++asked == refused_at || refused_at == ALL;
}

/* Carries the request out with allocation number `number` refused; returns how many were asked for. */
static int run_refusing(struct memory *memory, struct request request, int number, char *text) {
    asked = 0;
    refused_at = number;
    mem_refuse_when(refuse);
    memory_execute(memory, &request, 2000);
    mem_refuse_when(NULL);
    describe(text, &request.reply);
    request_clear(&request);
    return asked;
}

static struct request request_for(enum verb verb) {
    struct request request = by("A", lasting(5000, ask(verb)));
    return verb == VERB_PUT || verb == VERB_SET || verb == VERB_RAW_SET ? with("new", request) : request;
}

/* These have a copy of the value if there is memory for it. */
static bool shows_copies(enum verb verb) {
    return verb == VERB_PEEK || verb == VERB_WATCH || verb == VERB_GET;
}

static void a_verb_without_memory_changes_nothing(void **state) {
    (void)state;
    for (enum verb verb = VERB_PEEK; verb <= VERB_INSPECT; verb++)
        for (enum state each = MISSING; each < STATES; each++) {
            char expected[TEXT_SIZE], reply[TEXT_SIZE], before[TEXT_SIZE], after[TEXT_SIZE];
            struct memory *memory = memory_in(each);
            run(memory, 2000, request_for(verb), expected);
            memory_free(memory);
            for (int number = 1, needed = 1; needed >= number - 1; number++) {
                memory = memory_in(each);
                uint64_t bytes = memory_bytes(memory);
                inspect(memory, 2000, before);
                needed = run_refusing(memory, request_for(verb), number, reply);
                inspect(memory, 2000, after);
                if (needed < number || shows_copies(verb)) {
                    assert_string_equal(reply, expected);
                } else {
                    assert_string_equal(reply, "RCACHE_E_NOMEM");
                    assert_string_equal(after, before);
                    assert_int_equal(memory_bytes(memory), bytes);
                    expect(memory, 2000, request_for(verb), expected); /* and it works once there is memory */
                }
                memory_free(memory);
            }
        }
}

static void invalidating_and_hits_need_no_memory(void **state) {
    (void)state;
    const enum verb verbs[] = { VERB_PEEK,  VERB_WATCH,  VERB_GET,    VERB_INVALIDATE, VERB_UNLOCK,
                                VERB_DELETE, VERB_RENEW, VERB_RELEASE, VERB_PUT };
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        for (enum state each = MISSING; each < STATES; each++) {
            char expected[TEXT_SIZE], reply[TEXT_SIZE];
            struct memory *memory = memory_in(each);
            run(memory, 2000, request_for(verbs[i]), expected);
            memory_free(memory);
            memory = memory_in(each);
            run_refusing(memory, request_for(verbs[i]), ALL, reply);
            assert_string_equal(reply, expected);
            memory_free(memory);
        }
}

static void a_refusal_for_size_without_memory_for_its_message_is_still_one(void **state) {
    (void)state;
    char reply[TEXT_SIZE];
    struct memory *memory = memory_new(8, 1);
    assert_non_null(memory);
    run_refusing(memory, request_for(VERB_SET), 1, reply);
    assert_string_equal(reply, "RCACHE_E_LIMIT");
    memory_free(memory);
}

static void a_table_that_cannot_grow_works_on(void **state) {
    (void)state;
    struct memory *memory = memory_new(0, 1);
    assert_non_null(memory);
    enum { KEYS = 3000 };
    char key[32], reply[TEXT_SIZE];
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "key %d", i);
        /* The first is the entry, the second more buckets. */
        run_refusing(memory, with("v", on(key, lasting(5000, ask(VERB_SET)))), 2, reply);
        assert_string_equal(reply, "DONE");
    }
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "key %d", i);
        expect(memory, 2000, on(key, ask(VERB_PEEK)), "FRESH 'v'");
    }
    memory_free(memory);
}

static void making_a_memory_may_fail_at_every_allocation(void **state) {
    (void)state;
    for (int number = 1;; number++) {
        asked = 0;
        refused_at = number;
        mem_refuse_when(refuse);
        struct memory *memory = memory_new(0, 1);
        mem_refuse_when(NULL);
        memory_free(memory);
        if (asked < number) {
            assert_non_null(memory);
            break;
        }
        assert_null(memory);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verb_without_memory_changes_nothing),
        cmocka_unit_test(invalidating_and_hits_need_no_memory),
        cmocka_unit_test(a_refusal_for_size_without_memory_for_its_message_is_still_one),
        cmocka_unit_test(a_table_that_cannot_grow_works_on),
        cmocka_unit_test(making_a_memory_may_fail_at_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
