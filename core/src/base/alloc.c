#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>

static int (*_Atomic refuse_hook)(void);

static int refused(void) {
    int (*hook)(void) = atomic_load_explicit(&refuse_hook, memory_order_relaxed);
    return hook != NULL && hook();
}

void *mem_alloc(size_t size) {
    return refused() ? NULL : malloc(size > 0 ? size : 1);
}

void *mem_alloc_zeroed(size_t count, size_t size) {
    return refused() ? NULL : calloc(count > 0 ? count : 1, size > 0 ? size : 1);
}

void *mem_resize(void *memory, size_t size) {
    return refused() ? NULL : realloc(memory, size > 0 ? size : 1);
}

void mem_free(void *memory) {
    free(memory);
}

void mem_refuse_when(int (*refuse)(void)) {
    refuse_hook = refuse;
}
