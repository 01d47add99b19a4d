/* Numbers with units: what each kind takes, how it rounds, and that nothing is too large to be read. */
#include "runtime/quantity.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define REFUSED (-1)
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct example {
    const char *text;
    int64_t value;
};

static void check(bool (*read)(struct slice, int64_t *), const struct example *examples, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int64_t value = REFUSED;
        if (!read(slice_of_text(examples[i].text), &value))
            value = REFUSED;
        if (value != examples[i].value)
            fail_msg("'%s' is read as %lld, not as %lld", examples[i].text, (long long)value,
                     (long long)examples[i].value);
    }
}

static void durations_have_units_and_are_seconds_without(void **state) {
    (void)state;
    const struct example examples[] = {
        { "250ms", 250 }, { "3s", 3000 },  { "1.5s", 1500 },   { "2m", 120000 }, { "1h", 3600000 }, { "3", 3000 },
        { "0.25", 250 },  { "0", 0 },      { "0s", 0 },        { "0.0ms", 0 },   { "10S", 10000 },  { "007", 7000 },
        { "0.1h", 360000 },
    };
    check(quantity_duration, examples, COUNT(examples));
}

static void durations_round_but_never_to_nothing(void **state) {
    (void)state;
    const struct example examples[] = {
        { "1.0004", 1000 }, { "1.0005", 1001 }, { "0.4ms", 1 },         { "0.0001", 1 },
        { "1.4ms", 1 },     { "1.5ms", 2 },     { "0.00000000001", 1 }, { "0.999999999999", 1000 },
    };
    check(quantity_duration, examples, COUNT(examples));
}

static void what_is_no_duration_is_refused(void **state) {
    (void)state;
    const struct example examples[] = {
        { "", REFUSED },      { "s", REFUSED },   { "500us", REFUSED }, { "-1s", REFUSED }, { "+1s", REFUSED },
        { " 1s", REFUSED },   { "1s ", REFUSED }, { "1 s", REFUSED },   { "1.", REFUSED },  { ".5s", REFUSED },
        { "1.5.5", REFUSED }, { "1e3", REFUSED }, { "1,5s", REFUSED },  { "0x10", REFUSED }, { "1d", REFUSED },
        { "inf", REFUSED },   { "nan", REFUSED }, { "1ss", REFUSED },   { "1m30s", REFUSED },
    };
    check(quantity_duration, examples, COUNT(examples));
}

static void sizes_are_bytes_or_powers_of_1024(void **state) {
    (void)state;
    const struct example examples[] = {
        { "100", 100 },   { "1kb", 1024 },   { "64MB", 64 << 20 }, { "1.5gb", 3 * (INT64_C(1) << 29) },
        { "0", 0 },       { "1k", REFUSED }, { "1tb", REFUSED },   { "mb", REFUSED },
        { "1 mb", REFUSED },
    };
    check(quantity_size, examples, COUNT(examples));
}

static void integers_are_digits_alone(void **state) {
    (void)state;
    const struct example examples[] = {
        { "0", 0 }, { "64", 64 }, { "1.0", REFUSED }, { "-1", REFUSED }, { "", REFUSED }, { "2 ", REFUSED },
    };
    check(quantity_integer, examples, COUNT(examples));
}

static void numbers_are_exact_to_nine_places(void **state) {
    (void)state;
    const struct example examples[] = {
        { "0.1", 100000000 }, { "0.123456789", 123456789 }, { "2", 2000000000 }, { "0.1s", REFUSED }, { "", REFUSED },
    };
    check(quantity_billionths, examples, COUNT(examples));
}

static void booleans_have_eight_words_in_any_case(void **state) {
    (void)state;
    const struct example examples[] = {
        { "yes", 1 }, { "true", 1 },  { "on", 1 },  { "1", 1 },       { "True", 1 },    { "YES", 1 },
        { "no", 0 },  { "false", 0 }, { "off", 0 }, { "0", 0 },       { "OFF", 0 },     { "", REFUSED },
        { "y", REFUSED }, { "yess", REFUSED }, { "2", REFUSED },      { "ye", REFUSED },
    };
    check(quantity_boolean, examples, COUNT(examples));
}

static void what_is_too_large_becomes_the_largest(void **state) {
    (void)state;
    const struct example examples[] = {
        { "1000000000000000000h", QUANTITY_MAX },
        { "99999999999999999999999999999999", QUANTITY_MAX },
        { "1000000000000001", QUANTITY_MAX },
        { "999999999999999.999", QUANTITY_MAX - 1 },
    };
    int64_t value;
    check(quantity_duration, examples, COUNT(examples));
    assert_true(quantity_integer(slice_of_text("99999999999999999999999999999999"), &value));
    assert_int_equal(value, QUANTITY_MAX);
    assert_true(quantity_size(slice_of_text("18446744073709551617gb"), &value));
    assert_int_equal(value, QUANTITY_MAX);
}

static void a_nul_in_a_slice_ends_no_word(void **state) {
    (void)state;
    int64_t value;
    assert_false(quantity_boolean(slice_of("on\0", 3), &value));
    assert_false(quantity_duration(slice_of("1s\0s", 4), &value));
    assert_false(quantity_integer(slice_of("1\0", 2), &value));
}

static void the_locale_changes_nothing(void **state) {
    (void)state;
    const char *names[] = { "de_DE.UTF-8", "tr_TR.UTF-8", "C.UTF-8" };
    const struct example examples[] = { { "1.5S", 1500 }, { "1,5s", REFUSED } };
    for (size_t i = 0; i < COUNT(names); i++) {
        setlocale(LC_ALL, names[i]); /* where it is not installed, the locale stays what it was */
        check(quantity_duration, examples, COUNT(examples));
    }
    setlocale(LC_ALL, "C");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_units_and_are_seconds_without),
        cmocka_unit_test(durations_round_but_never_to_nothing),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(sizes_are_bytes_or_powers_of_1024),
        cmocka_unit_test(integers_are_digits_alone),
        cmocka_unit_test(numbers_are_exact_to_nine_places),
        cmocka_unit_test(booleans_have_eight_words_in_any_case),
        cmocka_unit_test(what_is_too_large_becomes_the_largest),
        cmocka_unit_test(a_nul_in_a_slice_ends_no_word),
        cmocka_unit_test(the_locale_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
