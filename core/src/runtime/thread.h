/* thread: the few threads of our own.  All signals are blocked in them: they are for the application's. */
#ifndef RESILICACHE_RUNTIME_THREAD_H
#define RESILICACHE_RUNTIME_THREAD_H

#include <stdbool.h>

/* Detached.  False: no thread could be had. */
bool thread_start(void *(*run)(void *argument), void *argument);

#endif
