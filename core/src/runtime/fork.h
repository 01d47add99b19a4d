/* fork: handles remember in which process they were made. */
#ifndef RESILICACHE_RUNTIME_FORK_H
#define RESILICACHE_RUNTIME_FORK_H

#include <stdint.h>

/* Counts the forks that lie between the first process and this one. */
uint32_t fork_generation(void);
/* Before the first handle is made. */
void fork_watch(void);

#endif
