/* Slots, with the examples of the Redis Cluster specification and some that CLUSTER KEYSLOT has told. */
#include "backend/redis/slot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void slots_are_those_of_the_servers(void **state) {
    (void)state;
    static const struct {
        const char *key;
        uint16_t slot;
    } examples[] = {
        { "", 0 },          { "123456789", 12739 },         { "user:1", 10778 },     { "foo", 12182 },
        { "foo{}{bar}", 8363 }, { "foo{{bar}}zap", 4015 },  { "foo{bar}{zap}", 5061 }, { "bar", 5061 },
        { "{", 4092 },      { "a}{b", 11640 },
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        if (slot_of(slice_of_text(examples[i].key)) != examples[i].slot)
            fail_msg("'%s' has slot %u", examples[i].key, slot_of(slice_of_text(examples[i].key)));
}

static void only_the_tag_counts(void **state) {
    (void)state;
    uint16_t slot = slot_of(slice_of_text("user1000"));
    assert_int_equal(slot_of(slice_of_text("{user1000}.following")), slot);
    assert_int_equal(slot_of(slice_of_text("{user1000}.followers")), slot);
    assert_int_equal(slot_of(slice_of_text("x{user1000}y{z}")), slot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_those_of_the_servers),
        cmocka_unit_test(only_the_tag_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
