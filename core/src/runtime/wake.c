#define _GNU_SOURCE
#include "runtime/wake.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

static struct timespec time_of(int64_t until_ms) {
    return (struct timespec){ .tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000 };
}

uint32_t wake_ticket(struct wake_group *group) {
    return atomic_load_explicit(&group->word, memory_order_acquire);
}

#if defined(__linux__) && !defined(RCACHE_NO_FUTEX)

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

void wake_init(struct wake_group *group) {
    atomic_init(&group->word, 0);
}

void wake_clear(struct wake_group *group) {
    (void)group;
}

enum wake_reason wake_wait(struct wake_group *group, uint32_t ticket, uint32_t bits, int64_t until_ms) {
    struct timespec until = time_of(until_ms);
    struct timespec *timeout = until_ms == INT64_MAX ? NULL : &until;
    if (syscall(SYS_futex, &group->word, FUTEX_WAIT_BITSET_PRIVATE, ticket, timeout, NULL, bits) == 0)
        return WAKE_CHANGED;
    return errno == ETIMEDOUT ? WAKE_TIMEOUT : errno == EINTR ? WAKE_INTERRUPTED : WAKE_CHANGED;
}

void wake_post(struct wake_group *group, uint32_t bits) {
    atomic_fetch_add_explicit(&group->word, 1, memory_order_acq_rel);
    syscall(SYS_futex, &group->word, FUTEX_WAKE_BITSET_PRIVATE, INT32_MAX, NULL, NULL, bits);
}

#else

/* A condition variable is not told of signals: who waits wakes now and then, so that they are seen. */
enum { SIGNAL_CHECK_MS = 100 };

void wake_init(struct wake_group *group) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    atomic_init(&group->word, 0);
    pthread_mutex_init(&group->lock, NULL);
    pthread_cond_init(&group->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

void wake_clear(struct wake_group *group) {
    pthread_cond_destroy(&group->changed);
    pthread_mutex_destroy(&group->lock);
}

enum wake_reason wake_wait(struct wake_group *group, uint32_t ticket, uint32_t bits, int64_t until_ms) {
    (void)bits;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t check_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + SIGNAL_CHECK_MS;
    struct timespec until = time_of(until_ms < check_ms ? until_ms : check_ms);
    int status = 0;
    pthread_mutex_lock(&group->lock);
    if (wake_ticket(group) == ticket)
        status = pthread_cond_timedwait(&group->changed, &group->lock, &until);
    pthread_mutex_unlock(&group->lock);
    if (status != ETIMEDOUT)
        return WAKE_CHANGED;
    return until_ms < check_ms ? WAKE_TIMEOUT : WAKE_INTERRUPTED;
}

void wake_post(struct wake_group *group, uint32_t bits) {
    (void)bits;
    pthread_mutex_lock(&group->lock);
    atomic_fetch_add_explicit(&group->word, 1, memory_order_acq_rel);
    pthread_cond_broadcast(&group->changed);
    pthread_mutex_unlock(&group->lock);
}

#endif
