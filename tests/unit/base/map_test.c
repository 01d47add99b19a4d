/* Maps: against an array that is looked through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/random.h"

#include <stdio.h>

enum { KEYS = 2000 };

struct item {
    struct map_node node;
    char key[16];
    bool held;
};

static int refuse_all(void) {
    return 1;
}

static void fill(struct item *items) {
    for (size_t i = 0; i < KEYS; i++) {
        int length = snprintf(items[i].key, sizeof items[i].key, "key %zu", i);
        items[i].node.key = slice_of(items[i].key, (size_t)length);
        items[i].held = false;
    }
}

static void check_against_the_array(bool may_grow) {
    static struct item items[KEYS];
    struct random random = { 9 };
    struct map map;
    size_t count = 0;
    assert_true(map_init(&map, 77));
    fill(items);
    mem_refuse_when(may_grow ? NULL : refuse_all);
    for (int i = 0; i < 50000; i++) {
        struct item *item = &items[random_next(&random) % KEYS];
        struct map_node *found = map_find(&map, slice_of_text(item->key));
        assert_ptr_equal(found, item->held ? &item->node : NULL);
        if (item->held)
            map_remove(&map, &item->node);
        else
            map_add(&map, &item->node);
        item->held = !item->held;
        count += item->held ? 1 : (size_t)-1;
        assert_int_equal(map.count, count);
    }
    mem_refuse_when(NULL);
    assert_true(may_grow ? map.bucket_count > 64 : map.bucket_count == 64);
    map_clear(&map);
}

static void finds_what_was_added_and_not_removed(void **state) {
    (void)state;
    check_against_the_array(true);
}

static void works_without_memory_to_grow(void **state) {
    (void)state;
    check_against_the_array(false);
}

static void keys_are_compared_by_bytes_and_size(void **state) {
    (void)state;
    struct map map;
    struct map_node empty = { .key = slice_of(NULL, 0) }, nul = { .key = slice_of("a\0b", 3) };
    assert_true(map_init(&map, 1));
    map_add(&map, &empty);
    map_add(&map, &nul);
    assert_ptr_equal(map_find(&map, slice_of("x", 0)), &empty);
    assert_ptr_equal(map_find(&map, slice_of("a\0b", 3)), &nul);
    assert_null(map_find(&map, slice_of("a", 1)));
    assert_null(map_find(&map, slice_of("a\0c", 3)));
    map_clear(&map);
}

static void making_one_without_memory_fails(void **state) {
    (void)state;
    struct map map;
    mem_refuse_when(refuse_all);
    assert_false(map_init(&map, 1));
    mem_refuse_when(NULL);
    map_clear(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added_and_not_removed),
        cmocka_unit_test(works_without_memory_to_grow),
        cmocka_unit_test(keys_are_compared_by_bytes_and_size),
        cmocka_unit_test(making_one_without_memory_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
