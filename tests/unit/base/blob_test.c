/* Blobs: bytes with a count of owners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/blob.h"

static int refuse_all(void) {
    return 1;
}

static void a_copy_holds_any_bytes_and_ends_in_nul(void **state) {
    (void)state;
    struct blob *blob = blob_copy("a\0b", 3);
    assert_non_null(blob);
    assert_int_equal(blob->size, 3);
    assert_memory_equal(blob->data, "a\0b", 4);
    assert_true(slice_equal(blob_slice(blob), slice_of("a\0b", 3)));
    blob_drop(blob);
}

static void an_empty_blob_is_a_blob(void **state) {
    (void)state;
    struct blob *blob = blob_copy(NULL, 0);
    assert_non_null(blob);
    assert_int_equal(blob->size, 0);
    assert_string_equal(blob->data, "");
    blob_drop(blob);
}

static void a_blob_lives_until_its_last_owner_drops_it(void **state) {
    (void)state;
    struct blob *blob = blob_copy("v", 1);
    assert_ptr_equal(blob_share(blob), blob);
    blob_drop(blob);
    assert_string_equal(blob->data, "v"); /* the address sanitizer watches */
    blob_drop(blob);
}

static void no_blob_can_be_shared_dropped_and_looked_at(void **state) {
    (void)state;
    assert_null(blob_share(NULL));
    blob_drop(NULL);
    assert_int_equal(blob_slice(NULL).size, 0);
}

static void sizes_that_overflow_and_refusals_give_none(void **state) {
    (void)state;
    assert_null(blob_new(SIZE_MAX));
    assert_null(blob_new(SIZE_MAX - sizeof(struct blob)));
    mem_refuse_when(refuse_all);
    assert_null(blob_copy("v", 1));
    mem_refuse_when(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_holds_any_bytes_and_ends_in_nul),
        cmocka_unit_test(an_empty_blob_is_a_blob),
        cmocka_unit_test(a_blob_lives_until_its_last_owner_drops_it),
        cmocka_unit_test(no_blob_can_be_shared_dropped_and_looked_at),
        cmocka_unit_test(sizes_that_overflow_and_refusals_give_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
