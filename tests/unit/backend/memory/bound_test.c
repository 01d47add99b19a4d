/* The bound on bytes: held whatever is written, at the cost of what is used least. */
#include "ask.h"
#include "base/random.h"

static struct request with_size(size_t size, struct request request) {
    request.value = blob_new(size);
    assert_non_null(request.value);
    memset(request.value->data, 'x', size);
    return request;
}

static void bound_holds_under_random_load(void **state) {
    (void)state;
    enum { BYTES_MAX = 100000, STEPS = 200000 };
    struct random random = { 42 };
    struct memory *memory = memory_new(BYTES_MAX, 7);
    assert_non_null(memory);
    uint64_t most = 0;
    for (int i = 0; i < STEPS; i++) {
        char key[32], owner[8];
        snprintf(key, sizeof key, "key %u", (unsigned)(random_next(&random) % 3000));
        snprintf(owner, sizeof owner, "o%u", (unsigned)(random_next(&random) % 3));
        enum verb verb = (enum verb)(random_next(&random) % (VERB_INSPECT + 1));
        struct request request = on(key, by(owner, lasting((int64_t)(random_next(&random) % 5000), ask(verb))));
        if (verb == VERB_SET || verb == VERB_PUT || verb == VERB_RAW_SET)
            request = with_size(random_next(&random) % 3000, request);
        memory_execute(memory, &request, 1000 + i / 10);
        assert_int_equal(request.reply.status, RCACHE_OK);
        request_clear(&request);
        assert_true(memory_bytes(memory) <= BYTES_MAX);
        most = memory_bytes(memory) > most ? memory_bytes(memory) : most;
    }
    assert_true(most > BYTES_MAX * 9 / 10); /* else the load was too light to show anything */
    for (int i = 0; i < 3000; i++) {
        char key[32];
        snprintf(key, sizeof key, "key %d", i);
        run(memory, 1000000, on(key, ask(VERB_DELETE)), NULL);
    }
    assert_int_equal(memory_entries(memory), 0);
    assert_int_equal(memory_bytes(memory), 0);
    memory_free(memory);
}

static void what_is_in_use_outlives_what_is_not(void **state) {
    (void)state;
    struct memory *memory = memory_new(100000, 7);
    assert_non_null(memory);
    expect(memory, 1000, with("hot", on("hot", lasting(90000, ask(VERB_SET)))), "DONE");
    for (int i = 0; i < 5000; i++) {
        char key[32];
        snprintf(key, sizeof key, "cold %d", i);
        expect(memory, 1000, with_size(200, on(key, lasting(90000, ask(VERB_SET)))), "DONE");
        expect(memory, 1000, on("hot", ask(VERB_PEEK)), "FRESH 'hot'");
    }
    assert_true(memory_entries(memory) < 1000);
    expect(memory, 1000, on("cold 0", ask(VERB_PEEK)), "MISS");
    memory_free(memory);
}

static void bound_holds_where_everything_is_in_use(void **state) {
    (void)state;
    enum { BYTES_MAX = 2000000 };
    struct memory *memory = memory_new(BYTES_MAX, 7);
    assert_non_null(memory);
    for (int i = 0; i < 20000; i++) {
        char key[32];
        snprintf(key, sizeof key, "key %d", i);
        run(memory, 1000, with("v", on(key, lasting(500, ask(VERB_SET)))), NULL);
        run(memory, 1000, on(key, ask(VERB_GET)), NULL);
        assert_true(memory_bytes(memory) <= BYTES_MAX);
    }
    memory_free(memory);
}

static void what_a_call_has_written_is_there_after_it(void **state) {
    (void)state;
    struct memory *memory = memory_new(20000, 7);
    assert_non_null(memory);
    for (int i = 0; i < 3000; i++) {
        char key[32];
        snprintf(key, sizeof key, "key %d", i);
        run(memory, 1000, by("A", on(key, lasting(500, ask(VERB_ACQUIRE)))), NULL);
        expect(memory, 1000, with("v", by("A", on(key, lasting(500, ask(VERB_PUT))))), "STORED");
        expect(memory, 1000, on(key, ask(VERB_PEEK)), "FRESH 'v'");
    }
    memory_free(memory);
}

static void a_large_value_takes_the_room_of_many_small_ones(void **state) {
    (void)state;
    struct memory *memory = memory_new(50000, 7);
    assert_non_null(memory);
    for (int i = 0; i < 500; i++) {
        char key[32];
        snprintf(key, sizeof key, "key %d", i);
        expect(memory, 1000, with("v", on(key, lasting(500, ask(VERB_SET)))), "DONE");
    }
    expect(memory, 1000, with_size(49000, lasting(500, ask(VERB_SET))), "DONE");
    assert_true(memory_bytes(memory) <= 50000);
    expect_entry(memory, 1000, "fresh size 49000 ttl_ms 500");
    memory_free(memory);
}

static void a_set_beyond_the_bound_is_refused_and_removes_the_old_value(void **state) {
    (void)state;
    const enum verb verbs[] = { VERB_SET, VERB_RAW_SET };
    for (size_t i = 0; i < 2; i++) {
        struct memory *memory = memory_new(10000, 7);
        assert_non_null(memory);
        expect(memory, 1000, with("old", lasting(500, ask(VERB_SET))), "DONE");
        struct request set = with_size(10000, lasting(500, ask(verbs[i])));
        memory_execute(memory, &set, 1000);
        assert_int_equal(set.reply.status, RCACHE_E_LIMIT);
        assert_non_null(strstr(set.reply.message->data, "memory_max_bytes"));
        request_clear(&set);
        expect(memory, 1000, ask(VERB_PEEK), "MISS");
        assert_int_equal(memory_bytes(memory), 0);
        memory_free(memory);
    }
}

static void a_put_beyond_the_bound_is_not_kept_and_no_failure(void **state) {
    (void)state;
    struct memory *memory = memory_new(10000, 7);
    assert_non_null(memory);
    expect(memory, 1000, by("A", lasting(500, ask(VERB_ACQUIRE))), "OWNED");
    expect(memory, 1000, with_size(10000, by("B", lasting(500, ask(VERB_PUT)))), "LOST");
    expect(memory, 1000, with_size(10000, by("A", lasting(500, ask(VERB_PUT)))), "STORED");
    assert_int_equal(memory_bytes(memory), 0);
    expect(memory, 1000, ask(VERB_PEEK), "MISS");
    memory_free(memory);
}

static void a_key_beyond_the_bound_can_be_invalidated_but_not_leased(void **state) {
    (void)state;
    static char key[2000];
    memset(key, 'k', sizeof key - 1);
    struct memory *memory = memory_new(1000, 7);
    assert_non_null(memory);
    expect(memory, 1000, on(key, by("A", lasting(500, ask(VERB_ACQUIRE)))), "RCACHE_E_LIMIT");
    expect(memory, 1000, on(key, by("A", lasting(500, ask(VERB_LOCK)))), "RCACHE_E_LIMIT");
    expect(memory, 1000, on(key, ask(VERB_INVALIDATE)), "MISS");
    expect(memory, 1000, on(key, by("A", ask(VERB_UNLOCK))), "DONE");
    expect(memory, 1000, on(key, ask(VERB_DELETE)), "MISS");
    memory_free(memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bound_holds_under_random_load),
        cmocka_unit_test(what_is_in_use_outlives_what_is_not),
        cmocka_unit_test(bound_holds_where_everything_is_in_use),
        cmocka_unit_test(what_a_call_has_written_is_there_after_it),
        cmocka_unit_test(a_large_value_takes_the_room_of_many_small_ones),
        cmocka_unit_test(a_set_beyond_the_bound_is_refused_and_removes_the_old_value),
        cmocka_unit_test(a_put_beyond_the_bound_is_not_kept_and_no_failure),
        cmocka_unit_test(a_key_beyond_the_bound_can_be_invalidated_but_not_leased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
