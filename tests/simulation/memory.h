/* memory: counts what the library has allocated and not freed.  The linker puts it before base/alloc.c. */
#ifndef RESILICACHE_TESTS_SIMULATION_MEMORY_H
#define RESILICACHE_TESTS_SIMULATION_MEMORY_H

#include <stdint.h>

int64_t memory_live(void);

#endif
