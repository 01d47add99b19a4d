/* The heap: the first due is found, whatever was set, moved and removed before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/random.h"

enum { NODES = 200 };

static int64_t least_due(const struct heap_node *nodes) {
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < NODES; i++)
        if (nodes[i].queued && nodes[i].due < least)
            least = nodes[i].due;
    return least;
}

static void first_is_the_least_after_any_steps(void **state) {
    (void)state;
    static struct heap_node nodes[NODES];
    struct heap heap = { NULL };
    struct random random = { 3 };
    for (int i = 0; i < 100000; i++) {
        struct heap_node *node = &nodes[random_next(&random) % NODES];
        switch (random_next(&random) % 4) {
        case 0:
            heap_remove(&heap, node);
            break;
        case 1:
            if (heap_first(&heap) != NULL)
                heap_remove(&heap, heap_first(&heap));
            break;
        default:
            heap_set(&heap, node, (int64_t)(random_next(&random) % 50) - 25);
        }
        int64_t least = least_due(nodes);
        struct heap_node *first = heap_first(&heap);
        assert_int_equal(first != NULL ? first->due : INT64_MAX, least);
        assert_true(first == NULL || first->queued);
    }
}

static void taken_in_order_until_empty(void **state) {
    (void)state;
    static struct heap_node nodes[NODES];
    struct heap heap = { NULL };
    struct random random = { 4 };
    for (size_t i = 0; i < NODES; i++)
        heap_set(&heap, &nodes[i], (int64_t)(random_next(&random) % 1000));
    int64_t before = -1;
    for (size_t i = 0; i < NODES; i++) {
        struct heap_node *first = heap_first(&heap);
        assert_non_null(first);
        assert_true(first->due >= before);
        before = first->due;
        heap_remove(&heap, first);
        assert_false(first->queued);
    }
    assert_null(heap_first(&heap));
}

static void removing_twice_or_what_was_never_set_is_harmless(void **state) {
    (void)state;
    struct heap heap = { NULL };
    struct heap_node node = { 0 }, other = { 0 };
    heap_remove(&heap, &node);
    heap_set(&heap, &node, 1);
    heap_remove(&heap, &other);
    assert_ptr_equal(heap_first(&heap), &node);
    heap_remove(&heap, &node);
    heap_remove(&heap, &node);
    assert_null(heap_first(&heap));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_is_the_least_after_any_steps),
        cmocka_unit_test(taken_in_order_until_empty),
        cmocka_unit_test(removing_twice_or_what_was_never_set_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
