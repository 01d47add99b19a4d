/* packed: what lies where in an entry of one string. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/redis/packed.h"

#define READ(text, packed) packed_read(slice_of(text, sizeof(text) - 1), packed)

static void expect_slice(struct slice slice, const char *expected) {
    assert_true(slice_equal(slice, slice_of_text(expected)));
}

static void the_parts_are_found_from_the_end(void **state) {
    (void)state;
    struct packed packed;
    assert_true(READ("value12.5me;e=1;;\x84\2\4\2\xF5\xFE", &packed));
    assert_true(packed.has_value);
    expect_slice(packed.value, "value");
    expect_slice(packed.lease, "12.5");
    expect_slice(packed.meta, ";e=1");
}

static void a_value_may_be_empty_or_missing(void **state) {
    (void)state;
    struct packed packed;
    assert_true(READ("\x80\0\0\0\xF5\xFE", &packed));
    assert_true(packed.has_value && packed.value.size == 0);
    assert_true(READ("0\1\0\0\0\xF5\xFE", &packed));
    assert_false(packed.has_value);
    expect_slice(packed.lease, "0");
    assert_false(READ("v\0\0\0\0\xF5\xFE", &packed)); /* one that says that it has none */
}

static void other_bytes_are_no_entry(void **state) {
    (void)state;
    struct packed packed;
    assert_false(READ("", &packed));
    assert_false(READ("text", &packed));
    assert_false(READ("\0\0\0\xF5\xFE", &packed));        /* too short */
    assert_false(READ("v\x80\0\0\0\xF5\xFF", &packed));  /* another sign */
    assert_false(READ("v\x81\1\0\0\xF5\xFE", &packed));  /* parts longer than all */
    assert_false(READ("v\x80\0\0\xFF\xF5\xFE", &packed)); /* padding, too */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_are_found_from_the_end),
        cmocka_unit_test(a_value_may_be_empty_or_missing),
        cmocka_unit_test(other_bytes_are_no_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
