#define _POSIX_C_SOURCE 200809L
#include "runtime/fork.h"

#include <pthread.h>
#include <stdatomic.h>

static _Atomic uint32_t generation;

static void in_child(void) {
    atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}

static void watch(void) {
    pthread_atfork(NULL, NULL, in_child);
}

void fork_watch(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch);
}

uint32_t fork_generation(void) {
    return atomic_load_explicit(&generation, memory_order_relaxed);
}
