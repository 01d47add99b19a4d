#include "runtime/peeks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct peeks peeks;
static struct request first, second;

static struct request *look(struct request *request, const char *key) {
    *request = (struct request){ .verb = VERB_PEEK, .shared = true, .key = slice_of_text(key) };
    list_init(&request->node);
    list_init(&request->followers);
    return request;
}

static void who_looks_at_the_same_follows(void **state) {
    (void)state;
    struct link_node done;
    list_init(&done);
    assert_false(peeks_join(&peeks, look(&first, "k")));
    assert_true(peeks_join(&peeks, look(&second, "k")));
    peeks_part(&peeks);
    first.sent_ms = 1000;
    first.reply.verdict = VERDICT_FRESH;
    first.reply.value = blob_copy("value", 5);
    list_append(&done, &first.node);
    peeks_answer(&done);
    assert_ptr_equal(done.next, &first.node);
    assert_ptr_equal(done.prev, &second.node);
    assert_int_equal(second.reply.verdict, VERDICT_FRESH);
    assert_int_equal(second.sent_ms, 1000);
    assert_memory_equal(second.reply.value->data, "value", 5);
    request_clear(&first);
    request_clear(&second);
}

static void who_looks_at_something_else_asks(void **state) {
    (void)state;
    assert_false(peeks_join(&peeks, look(&first, "k")));
    assert_false(peeks_join(&peeks, look(&second, "l"))); /* which is in the same place */
    peeks_part(&peeks);
}

static void who_comes_when_it_has_been_sent_asks(void **state) {
    (void)state;
    assert_false(peeks_join(&peeks, look(&first, "k")));
    peeks_part(&peeks);
    assert_false(peeks_join(&peeks, look(&second, "k")));
    peeks_part(&peeks);
}

static void who_asks_in_another_way_does_not_follow(void **state) {
    (void)state;
    assert_false(peeks_join(&peeks, look(&first, "k")));
    look(&second, "k")->form = 1;
    assert_false(peeks_join(&peeks, &second));
    look(&second, "k")->shared = false;
    assert_false(peeks_join(&peeks, &second));
    peeks_part(&peeks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_looks_at_the_same_follows),
        cmocka_unit_test(who_looks_at_something_else_asks),
        cmocka_unit_test(who_comes_when_it_has_been_sent_asks),
        cmocka_unit_test(who_asks_in_another_way_does_not_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
