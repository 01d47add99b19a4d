/* Errors: messages that fit, and those that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"

#include <string.h>

static void message_is_formatted_and_status_returned(void **state) {
    (void)state;
    rcache_error err = RCACHE_ERROR_INIT;
    assert_int_equal(error_set(&err, RCACHE_E_LOST, "key '%s' %d", "k", 7), RCACHE_E_LOST);
    assert_int_equal(err.status, RCACHE_E_LOST);
    assert_string_equal(err.message, "key 'k' 7");
}

static void nobody_has_to_listen(void **state) {
    (void)state;
    assert_int_equal(error_set(NULL, RCACHE_E_NOMEM, "unheard"), RCACHE_E_NOMEM);
}

static void a_message_that_just_fits_is_whole(void **state) {
    (void)state;
    rcache_error err = RCACHE_ERROR_INIT;
    char text[sizeof err.message];
    memset(text, 'x', sizeof text - 3);
    memcpy(text + sizeof text - 3, "\xC3\xA9", 3); /* an e with an acute accent, at the very end */
    error_set(&err, RCACHE_E_INVALID, "%s", text);
    assert_string_equal(err.message, text);
}

/* Characters of 1 to 4 bytes, at every offset to the end. */
static void a_longer_message_is_cut_at_a_whole_character(void **state) {
    (void)state;
    static const char *const characters[] = { "x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80" };
    for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++)
        for (size_t offset = 0; offset < 4; offset++) {
            rcache_error err = RCACHE_ERROR_INIT;
            char text[600] = { 0 };
            size_t width = strlen(characters[i]), size = offset;
            memset(text, 'o', offset);
            for (; size < 500; size += width)
                memcpy(text + size, characters[i], width);
            error_set(&err, RCACHE_E_INVALID, "%s", text);
            size_t length = strlen(err.message);
            assert_int_equal((length - offset) % width, 0);
            assert_memory_equal(err.message, text, length);
            assert_in_range(length, sizeof err.message - 1 - (width - 1), sizeof err.message - 1);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_is_formatted_and_status_returned),
        cmocka_unit_test(nobody_has_to_listen),
        cmocka_unit_test(a_message_that_just_fits_is_whole),
        cmocka_unit_test(a_longer_message_is_cut_at_a_whole_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
