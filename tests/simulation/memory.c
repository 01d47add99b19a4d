#include "memory.h"

#include "base/alloc.h"

static int64_t live;

int64_t memory_live(void) {
    return live;
}

/* By the linker's option --wrap: calls of mem_alloc come to __wrap_mem_alloc, and __real_mem_alloc is the library's. */
void *__real_mem_alloc(size_t size);
void *__real_mem_alloc_zeroed(size_t count, size_t size);
void *__real_mem_resize(void *memory, size_t size);
void __real_mem_free(void *memory);
void *__wrap_mem_alloc(size_t size);
void *__wrap_mem_alloc_zeroed(size_t count, size_t size);
void *__wrap_mem_resize(void *memory, size_t size);
void __wrap_mem_free(void *memory);

static void *count(void *memory) {
    live += memory != NULL;
    return memory;
}

void *__wrap_mem_alloc(size_t size) {
    return count(__real_mem_alloc(size));
}

void *__wrap_mem_alloc_zeroed(size_t count_of, size_t size) {
    return count(__real_mem_alloc_zeroed(count_of, size));
}

void *__wrap_mem_resize(void *memory, size_t size) {
    void *resized = __real_mem_resize(memory, size);
    return memory == NULL ? count(resized) : resized;
}

void __wrap_mem_free(void *memory) {
    live -= memory != NULL;
    __real_mem_free(memory);
}
