#include "runtime/peeks.h"

#include "resilicache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_MS = 1000000 };

static struct peeks peeks;
static struct request first, second;

static int begin(void **state) {
    (void)state;
    memset(&peeks, 0, sizeof peeks);
    peeks_init(&peeks);
    return 0;
}

static struct request *look(struct request *request, const char *key) {
    *request = (struct request){ .verb = VERB_PEEK, .shared = true, .key = slice_of_text(key), .sent_ms = NOW_MS };
    list_init(&request->node);
    list_init(&request->followers);
    return request;
}

/* It is the only one that comes back; how many are to be sent again. */
static size_t come_back(struct request *request, enum verdict verdict, struct link_node *done) {
    struct link_node again;
    size_t count = 0;
    list_init(&again);
    list_init(done);
    request->reply.verdict = verdict;
    list_append(done, &request->node);
    peeks_take(&peeks, done, &again, NOW_MS);
    for (struct link_node *node = again.next; node != &again; node = node->next)
        count++;
    while (list_take(&again) != NULL)
        continue;
    return count;
}

static void who_looks_at_the_same_follows(void **state) {
    (void)state;
    struct link_node done;
    assert_int_equal(peeks_join(&peeks, look(&first, "k")), PEEK_ASKS);
    assert_int_equal(peeks_join(&peeks, look(&second, "k")), PEEK_FOLLOWS);
    peeks_part(&peeks);
    first.reply.value = blob_copy("value", 5);
    assert_int_equal(come_back(&first, VERDICT_FRESH, &done), 0);
    peeks_answer(&done);
    assert_ptr_equal(done.next, &first.node);
    assert_ptr_equal(done.prev, &second.node);
    assert_int_equal(second.reply.verdict, VERDICT_FRESH);
    assert_memory_equal(second.reply.value->data, "value", 5);
    request_clear(&first);
    request_clear(&second);
}

static void who_looks_at_something_else_asks(void **state) {
    (void)state;
    assert_int_equal(peeks_join(&peeks, look(&first, "k")), PEEK_ASKS);
    assert_int_equal(peeks_join(&peeks, look(&second, "l")), PEEK_ASKS); /* which is in the same place */
}

/* The first look is under way when it comes, and it waits. */
static void let_the_second_come_later(void) {
    assert_int_equal(peeks_join(&peeks, look(&first, "k")), PEEK_ASKS);
    peeks_part(&peeks);
    assert_int_equal(peeks_join(&peeks, look(&second, "k")), PEEK_FOLLOWS);
}

static void who_comes_later_waits_and_is_told_of_nothing(void **state) {
    (void)state;
    struct link_node done;
    let_the_second_come_later();
    assert_int_equal(come_back(&first, VERDICT_MISS, &done), 0);
    assert_ptr_equal(done.prev, &second.node);
    assert_int_equal(second.reply.verdict, VERDICT_MISS);
    assert_int_equal(peeks_join(&peeks, look(&first, "k")), PEEK_TOLD); /* and who comes later still, but soon */
    assert_int_equal(first.reply.verdict, VERDICT_MISS);
    look(&first, "k")->sent_ms += PEEKS_KNOWN_MS;
    assert_int_equal(peeks_join(&peeks, &first), PEEK_ASKS);
}

static void who_comes_later_looks_where_there_is_something(void **state) {
    (void)state;
    struct link_node done;
    let_the_second_come_later();
    assert_int_equal(come_back(&first, VERDICT_FRESH, &done), 1);
    assert_int_equal(peeks_join(&peeks, look(&first, "k")), PEEK_ASKS);
    peeks_part(&peeks);
    assert_int_equal(peeks_join(&peeks, look(&second, "k")), PEEK_ASKS); /* and nobody waits there for a while */
}

static void who_waits_at_what_fails_is_sent(void **state) {
    (void)state;
    struct link_node done;
    let_the_second_come_later();
    first.reply.status = RCACHE_E_UNAVAILABLE;
    assert_int_equal(come_back(&first, VERDICT_NONE, &done), 1);
    assert_int_equal(peeks_join(&peeks, look(&first, "k")), PEEK_ASKS);
}

static void who_waits_is_dropped_with_the_connection(void **state) {
    (void)state;
    struct link_node requests;
    list_init(&requests);
    let_the_second_come_later();
    peeks_drop(&peeks, &requests);
    assert_ptr_equal(requests.next, &second.node);
    assert_int_equal(peeks_join(&peeks, look(&first, "k")), PEEK_ASKS);
}

static void a_change_ends_what_was_known(void **state) {
    (void)state;
    struct link_node done;
    struct request change = { .verb = VERB_ACQUIRE, .sent_ms = NOW_MS };
    assert_int_equal(peeks_join(&peeks, look(&first, "k")), PEEK_ASKS);
    come_back(&first, VERDICT_MISS, &done);
    assert_int_equal(peeks_join(&peeks, &change), PEEK_ASKS);
    assert_int_equal(peeks_join(&peeks, look(&first, "k")), PEEK_TOLD); /* whoever loads it has not stored it yet */
    change.verb = VERB_SET;
    assert_int_equal(peeks_join(&peeks, &change), PEEK_ASKS);
    assert_int_equal(peeks_join(&peeks, look(&first, "k")), PEEK_ASKS);
}

static void a_strong_look_is_of_no_use_after_an_invalidation(void **state) {
    (void)state;
    struct link_node done;
    struct request change = { .verb = VERB_INVALIDATE, .key = slice_of_text("k") };
    list_init(&change.followers);
    assert_int_equal(peeks_join(&peeks, &change), PEEK_ASKS);
    come_back(&change, VERDICT_DONE, &done);
    assert_int_equal(peeks_join(&peeks, look(&first, "k")), PEEK_ASKS); /* it may be served what is there */
    peeks_part(&peeks);
    look(&first, "k")->strong = look(&second, "l")->strong = true;
    assert_int_equal(peeks_join(&peeks, &first), PEEK_TOLD);
    assert_int_equal(peeks_join(&peeks, &second), PEEK_ASKS); /* of the same batch */
    change.verb = VERB_PUT;
    assert_int_equal(peeks_join(&peeks, &change), PEEK_ASKS);
    assert_int_equal(peeks_join(&peeks, &first), PEEK_ASKS);
}

static void who_asks_in_another_way_does_not_follow(void **state) {
    (void)state;
    assert_int_equal(peeks_join(&peeks, look(&first, "k")), PEEK_ASKS);
    look(&second, "k")->form = 1;
    assert_int_equal(peeks_join(&peeks, &second), PEEK_ASKS);
    look(&second, "k")->shared = false;
    assert_int_equal(peeks_join(&peeks, &second), PEEK_ASKS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_looks_at_the_same_follows, begin),
        cmocka_unit_test_setup(who_looks_at_something_else_asks, begin),
        cmocka_unit_test_setup(who_comes_later_waits_and_is_told_of_nothing, begin),
        cmocka_unit_test_setup(who_comes_later_looks_where_there_is_something, begin),
        cmocka_unit_test_setup(who_waits_at_what_fails_is_sent, begin),
        cmocka_unit_test_setup(who_waits_is_dropped_with_the_connection, begin),
        cmocka_unit_test_setup(a_change_ends_what_was_known, begin),
        cmocka_unit_test_setup(a_strong_look_is_of_no_use_after_an_invalidation, begin),
        cmocka_unit_test_setup(who_asks_in_another_way_does_not_follow, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
