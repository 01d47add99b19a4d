#define _GNU_SOURCE
#include "runtime/wake.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct timespec time_of(int64_t until_ms) {
    return (struct timespec){ .tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000 };
}

uint32_t wake_ticket(struct wake_group *group) {
    return atomic_load_explicit(&group->word, memory_order_acquire);
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
