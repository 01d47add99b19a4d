/* Texts made for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/text.h"

static int refuse_all(void) {
    return 1;
}

static void expect_text(struct blob *made, const char *expected) {
    assert_non_null(made);
    assert_string_equal(made->data, expected);
    assert_int_equal(made->size, strlen(expected));
    blob_drop(made);
}

static void parts_are_joined(void **state) {
    (void)state;
    expect_text(text_join("a", "", "bc", (const char *)NULL), "abc");
    expect_text(text_join("alone", (const char *)NULL), "alone");
}

static void keys_are_shown_in_printable_ascii(void **state) {
    (void)state;
    expect_text(text_of_key(slice_of("a\0\xff~ ", 5)), "a\\x00\\xff~ ");
    expect_text(text_of_key(slice_of(NULL, 0)), "");
}

static void long_keys_are_cut(void **state) {
    (void)state;
    char key[200], whole[65] = { 0 };
    memset(key, 'k', sizeof key);
    memcpy(whole, key, 64);
    expect_text(text_of_key(slice_of(key, 64)), whole);
    struct blob *cut = text_of_key(slice_of(key, 65));
    assert_non_null(cut);
    assert_int_equal(cut->size, 67);
    assert_memory_equal(cut->data + 60, "kkkk...", 8);
    blob_drop(cut);
    memset(key, 1, sizeof key);
    for (size_t shift = 0; shift < 4; shift++) { /* escapes across the cut, at every offset */
        memset(key, 'k', shift);
        blob_drop(text_of_key(slice_of(key, sizeof key)));
    }
}

static void numbers_are_decimal(void **state) {
    (void)state;
    char buffer[TEXT_NUMBER_SIZE];
    assert_string_equal(text_of_number(buffer, 0), "0");
    assert_string_equal(text_of_number(buffer, 9), "9");
    assert_string_equal(text_of_number(buffer, 10), "10");
    assert_string_equal(text_of_number(buffer, -1), "-1");
    assert_string_equal(text_of_number(buffer, INT64_MAX), "9223372036854775807");
    assert_string_equal(text_of_number(buffer, INT64_MIN), "-9223372036854775808");
}

static void refusals_give_none(void **state) {
    (void)state;
    mem_refuse_when(refuse_all);
    assert_null(text_join("a", (const char *)NULL));
    assert_null(text_of_key(slice_of_text("k")));
    mem_refuse_when(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_joined),
        cmocka_unit_test(keys_are_shown_in_printable_ascii),
        cmocka_unit_test(long_keys_are_cut),
        cmocka_unit_test(numbers_are_decimal),
        cmocka_unit_test(refusals_give_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
