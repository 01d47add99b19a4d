/* Allocations of no bytes, and refusing them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"

static int refuse_all(void) {
    return 1;
}

static void no_bytes_are_memory_all_the_same(void **state) {
    (void)state;
    void *memory[] = { mem_alloc(0), mem_alloc_zeroed(0, 8), mem_alloc_zeroed(8, 0), mem_resize(NULL, 0) };
    for (size_t i = 0; i < 4; i++) {
        assert_non_null(memory[i]);
        mem_free(memory[i]);
    }
    mem_free(NULL);
}

static void zeroed_memory_is_zero(void **state) {
    (void)state;
    unsigned char *memory = mem_alloc_zeroed(3, 5);
    assert_non_null(memory);
    for (size_t i = 0; i < 15; i++)
        assert_int_equal(memory[i], 0);
    mem_free(memory);
}

static void refused_allocations_leave_what_there_is(void **state) {
    (void)state;
    char *memory = mem_alloc(1);
    assert_non_null(memory);
    *memory = 'x';
    mem_refuse_when(refuse_all);
    assert_null(mem_alloc(1));
    assert_null(mem_alloc_zeroed(1, 1));
    assert_null(mem_resize(memory, 100));
    mem_refuse_when(NULL);
    assert_int_equal(*memory, 'x');
    memory = mem_resize(memory, 100);
    assert_non_null(memory);
    assert_int_equal(*memory, 'x');
    mem_free(memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_bytes_are_memory_all_the_same),
        cmocka_unit_test(zeroed_memory_is_zero),
        cmocka_unit_test(refused_allocations_leave_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
