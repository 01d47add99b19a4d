#define _GNU_SOURCE
#include "runtime/thread.h"

#include <pthread.h>
#include <signal.h>

bool thread_start(void *(*run)(void *argument), void *argument) {
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&thread, NULL, run, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ok)
        pthread_detach(thread);
    return ok;
}
