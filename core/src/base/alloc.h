/* alloc: every allocation of the library goes through here, so that a test can make each of them fail. */
#ifndef RESILICACHE_BASE_ALLOC_H
#define RESILICACHE_BASE_ALLOC_H

#include <stddef.h>

/* As malloc, calloc, realloc, free; NULL for want of memory. */
void *mem_alloc(size_t size);
void *mem_alloc_zeroed(size_t count, size_t size);
void *mem_resize(void *memory, size_t size);
void mem_free(void *memory);

/* Tests only: `refuse` is asked before every allocation; non-zero refuses it.  NULL: never refuse. */
void mem_refuse_when(int (*refuse)(void));

#endif
