/* Random numbers: the published sequence, and fractions in their range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"

static void sequence_is_that_of_splitmix64(void **state) {
    (void)state;
    static const uint64_t expected[] = { 6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
                                         4593380528125082431u, 16408922859458223821u };
    struct random random = { 1234567 };
    for (size_t i = 0; i < 5; i++)
        assert_true(random_next(&random) == expected[i]);
}

static void fractions_fill_the_range_from_0_to_below_1(void **state) {
    (void)state;
    struct random random = { 1 };
    double sum = 0;
    int tenths[10] = { 0 };
    for (int i = 0; i < 100000; i++) {
        double fraction = random_fraction(&random);
        assert_true(fraction >= 0 && fraction < 1);
        tenths[(int)(fraction * 10)]++;
        sum += fraction;
    }
    assert_true(sum > 49000 && sum < 51000);
    for (int i = 0; i < 10; i++)
        assert_in_range(tenths[i], 9500, 10500);
}

static void the_system_does_not_repeat_itself(void **state) {
    (void)state;
    assert_true(random_from_system() != random_from_system());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequence_is_that_of_splitmix64),
        cmocka_unit_test(fractions_fill_the_range_from_0_to_below_1),
        cmocka_unit_test(the_system_does_not_repeat_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
