#include "base/alloc.h"

#include <stdlib.h>

static int (*refuse_hook)(void);

static int refused(void) {
    return refuse_hook != NULL && refuse_hook();
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
