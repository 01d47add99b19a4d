/* Buffers: what goes in at the end comes out at the front. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/random.h"

static int refuse_all(void) {
    return 1;
}

static void bytes_come_out_in_the_order_they_went_in(void **state) {
    (void)state;
    struct random random = { 5 };
    struct buffer buffer = BUFFER_INIT;
    unsigned char in = 0, out = 0;
    for (int i = 0; i < 20000; i++) {
        unsigned char bytes[700];
        size_t more = random_next(&random) % sizeof bytes, less = random_next(&random) % sizeof bytes;
        for (size_t j = 0; j < more; j++)
            bytes[j] = in++;
        assert_true(buffer_append(&buffer, bytes, more));
        less = less < buffer.size ? less : buffer.size;
        for (size_t j = 0; j < less; j++)
            assert_int_equal((unsigned char)buffer_slice(&buffer).data[j], out++);
        buffer_take(&buffer, less);
        assert_true(buffer.start + buffer.size <= buffer.capacity);
    }
    buffer_clear(&buffer);
}

static void nothing_and_text_can_be_appended(void **state) {
    (void)state;
    struct buffer buffer = BUFFER_INIT;
    assert_true(buffer_append(&buffer, NULL, 0));
    assert_true(buffer_append_text(&buffer, ""));
    assert_true(buffer_append_text(&buffer, "text"));
    assert_true(slice_equal(buffer_slice(&buffer), slice_of_text("text")));
    buffer_clear(&buffer);
    assert_int_equal(buffer_slice(&buffer).size, 0);
    assert_true(buffer_append_text(&buffer, "again"));
    buffer_clear(&buffer);
    buffer_clear(&buffer);
}

static void refused_growth_leaves_the_bytes(void **state) {
    (void)state;
    static const char large[100000];
    struct buffer buffer = BUFFER_INIT;
    assert_true(buffer_append_text(&buffer, "xkept"));
    buffer_take(&buffer, 1);
    mem_refuse_when(refuse_all);
    assert_false(buffer_append(&buffer, large, sizeof large));
    mem_refuse_when(NULL);
    assert_false(buffer_append(&buffer, large, SIZE_MAX));
    assert_null(buffer_reserve(&buffer, SIZE_MAX / 2));
    assert_true(slice_equal(buffer_slice(&buffer), slice_of_text("kept")));
    assert_true(buffer_append(&buffer, large, sizeof large));
    assert_memory_equal(buffer_slice(&buffer).data, "kept", 4);
    buffer_clear(&buffer);
}

static void room_at_the_front_is_used_before_more_is_asked_for(void **state) {
    (void)state;
    struct buffer buffer = BUFFER_INIT;
    static const char bytes[1000];
    assert_true(buffer_append(&buffer, bytes, sizeof bytes));
    size_t capacity = buffer.capacity;
    for (int i = 0; i < 1000; i++) {
        assert_true(buffer_append(&buffer, bytes, sizeof bytes));
        buffer_take(&buffer, sizeof bytes);
    }
    assert_int_equal(buffer.capacity, capacity);
    buffer_clear(&buffer);
}

static void a_large_buffer_gives_its_memory_back_when_empty(void **state) {
    (void)state;
    struct buffer buffer = BUFFER_INIT;
    assert_non_null(buffer_reserve(&buffer, 1000000));
    buffer.size = 1000000;
    buffer_take(&buffer, 999999);
    assert_true(buffer.capacity >= 1000000);
    buffer_take(&buffer, 1);
    assert_int_equal(buffer.capacity, 0);
    assert_null(buffer.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_in_the_order_they_went_in),
        cmocka_unit_test(nothing_and_text_can_be_appended),
        cmocka_unit_test(refused_growth_leaves_the_bytes),
        cmocka_unit_test(room_at_the_front_is_used_before_more_is_asked_for),
        cmocka_unit_test(a_large_buffer_gives_its_memory_back_when_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
