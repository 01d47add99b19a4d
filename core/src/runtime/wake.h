/* wake: threads that sleep on one word and are woken in groups, so that a batch of replies costs one system call. */
#ifndef RESILICACHE_RUNTIME_WAKE_H
#define RESILICACHE_RUNTIME_WAKE_H

#include <stdint.h>

struct wake_group { /* one that is zeroed is ready */
    _Atomic uint32_t word; /* changes with every wake */
};

enum wake_reason { WAKE_CHANGED, WAKE_TIMEOUT, WAKE_INTERRUPTED };

/* Read before looking at what one waits for. */
uint32_t wake_ticket(struct wake_group *group);
/* Sleeps unless a wake has come since the ticket was read; until one that has a bit of `bits`, until_ms on the
 * monotonic clock, or a signal.  May return early. */
enum wake_reason wake_wait(struct wake_group *group, uint32_t ticket, uint32_t bits, int64_t until_ms);
void wake_post(struct wake_group *group, uint32_t bits);

#endif
