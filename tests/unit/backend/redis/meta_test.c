/* meta: what it says, and that it says nothing of a value that it doesn't belong to. */
#include "talk.h"

#include "base/random.h"

#include <stdlib.h>

static struct meta read(const char *text, const char *value) {
    return meta_read(slice_of_text(text), slice_of_text(value), false);
}

static void expect_nothing(const char *text, const char *value) {
    struct meta meta = read(text, value);
    assert_int_equal(meta.epoch, 0);
    assert_false(meta.absent);
}

static void what_is_written_is_read(void **state) {
    (void)state;
    const uint64_t epochs[] = { 0, 1, 0x0123456789abcdefu, UINT64_MAX };
    for (size_t i = 0; i < 8; i++) {
        uint64_t epoch = epochs[i / 2];
        struct meta meta = read(meta_of("value", epoch, i % 2 != 0), "value");
        assert_true(meta.epoch == epoch);
        assert_int_equal(meta.absent, i % 2 != 0);
    }
}

/* Other versions of this library read it: the text is fixed for ever. */
static void the_text_is_fixed(void **state) {
    (void)state;
    assert_string_equal(meta_of("", 0x1fu, true), "e=000000000000001f;n=0;h=ef46db3751d8e999;a");
    assert_string_equal(meta_of("abc", 0, false), "n=3;h=44bc2cf5ad770999");
}

static void the_longest_fits(void **state) {
    (void)state;
    char text[META_SIZE_MAX];
    struct meta meta = { .epoch = UINT64_MAX, .absent = true };
    struct slice value = slice_of("", 0);
    assert_in_range(meta_write(text, &meta, &value), 1, META_SIZE_MAX - (20 - 1));
}

static void unknown_items_and_any_order_are_no_matter(void **state) {
    (void)state;
    struct meta meta = read("t=123;z;zz=1;;=;a;h=44bc2cf5ad770999;q=a=b;n=3;e=000000000000001f;", "abc");
    assert_true(meta.epoch == 0x1f && meta.absent);
}

static void of_another_value_it_says_nothing(void **state) {
    (void)state;
    const char *text = "e=000000000000001f;n=3;h=44bc2cf5ad770999;a";
    assert_true(read(text, "abc").absent);
    expect_nothing(text, "abd");
    expect_nothing(text, "abcd");
    expect_nothing(text, "");
    expect_nothing("e=000000000000001f;n=3;a", "abc");
    expect_nothing("e=000000000000001f;h=44bc2cf5ad770999;a", "abc");
}

static void nonsense_says_nothing(void **state) {
    (void)state;
    expect_nothing("", "");
    expect_nothing("a", "");
    expect_nothing(";;;", "");
    expect_nothing("n=3;h=44bc2cf5ad77099;a", "abc");
    expect_nothing("n=3;h=44BC2CF5AD770999;a", "abc");
    expect_nothing("n=-3;h=44bc2cf5ad770999;a", "abc");
    expect_nothing("n=18446744073709551619;h=44bc2cf5ad770999;a", "abc"); /* 3, if it wrapped round */
    assert_int_equal(read("e=1f;n=3;h=44bc2cf5ad770999", "abc").epoch, 0);
    assert_int_equal(read("e=1000000000000001f;n=3;h=44bc2cf5ad770999", "abc").epoch, 0);
}

static void random_bytes_are_read_within_their_bounds(void **state) {
    (void)state;
    struct random random = { 7 };
    for (int i = 0; i < 20000; i++) {
        size_t size = (size_t)(random_next(&random) % 40);
        char *text = malloc(size > 0 ? size : 1);
        assert_non_null(text);
        for (size_t j = 0; j < size; j++)
            text[j] = "enhat=;019af\xff"[random_next(&random) % 13];
        struct meta meta = meta_read(slice_of(text, size), slice_of("", 0), false);
        assert_false(meta.absent); /* a hash of 16 right digits is not to be had by chance */
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_text_is_fixed),
        cmocka_unit_test(the_longest_fits),
        cmocka_unit_test(unknown_items_and_any_order_are_no_matter),
        cmocka_unit_test(of_another_value_it_says_nothing),
        cmocka_unit_test(nonsense_says_nothing),
        cmocka_unit_test(random_bytes_are_read_within_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
