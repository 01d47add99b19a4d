/* counters: what the engine has done, for rcache_stats.  Threads: any. */
#ifndef RESILICACHE_ENGINE_COUNTERS_H
#define RESILICACHE_ENGINE_COUNTERS_H

#include <stdint.h>

/* One list, so that a counter can't exist without its name. */
#define COUNTERS(X)                                                                                                  \
    X(hits)           /* fetched keys answered fresh by the store */                                                 \
    X(misses)         /* fetched keys that were not */                                                               \
    X(stale)          /* answered by a value that is being replaced */                                               \
    X(stale_expired)  /* of these: its time was over, by less than stale_while_revalidate */                         \
    X(stale_on_error) /* of these: the load failed, and its time was over by less than stale_if_error */             \
    X(joined)         /* joined a load of this process */                                                            \
    X(joiner_retries) /* joined too late to take its value, and went again */                                        \
    X(loads)          /* loads made, by key; each ends as one of stored, failed, lost, direct */                     \
    X(loads_stored)                                                                                                  \
    X(loads_absent)   /* of all: the database had none */                                                            \
    X(loads_failed)                                                                                                  \
    X(loads_lost)     /* not stored: the lease had ended or was void, or nobody took the load */                     \
    X(loads_outdated) /* of these: older than what an invalidation or a set had told of */                           \
    X(loads_direct)   /* not to be stored: disable_cache_read, or loads_down */                                      \
    X(loads_down)     /* begun because no server answered, or it refused to write */                                 \
    X(loads_down_refused) /* not begun: down_loads_max of them were under way */                                     \
    X(loads_paused)   /* fetched keys that were not loaded, since a load had failed shortly before */                \
    X(refreshes)      /* loads handed over behind a stale answer */                                                  \
    X(early_refreshes) /* of these: before the value's time was over */                                              \
    X(early_busy)     /* not refreshed: another does */                                                              \
    X(leases_owned)                                                                                                  \
    X(leases_busy)    /* another holds the lease */                                                                  \
    X(leases_renewed)                                                                                                \
    X(waits_pushed)   /* waiters woken by a change of the key */                                                     \
    X(waits_polled)                                                                                                  \
    X(invalidations)                                                                                                 \
    X(invalidations_resent) /* after a primary was replaced */                                                       \
    X(invalidations_queued) /* no server took them; they are in the journal */                                       \
    X(journal_drained)  /* taken by a server since */                                                                \
    X(journal_overflow) /* not kept */                                                                               \
    X(soft_timeouts)  /* waited for a load for soft_timeout, and served a value whose time is over */                \
    X(hard_timeouts)  /* waited for a load for hard_timeout */                                                       \
    X(sets_outdated)  /* not stored: a newer version was known */                                                    \
    X(locks)          /* for update, granted; not those of updates */                                                \
    X(locks_busy)     /* refused: another owner has it */                                                            \
    X(updates)        /* done under their lock */                                                                    \
    X(updates_lost)   /* whose lock had ended before they had */                                                     \
    X(session_strong) /* fetches that were strong because of what was written before, here or by a token */         \
    X(timeouts)       /* ops that reached their deadline */                                                         \
    X(canceled)       /* ops that were given up by their callers */                                                  \
    X(breaker_opened) /* a server was found to be down */                                                            \
    X(breaker_refused) /* requests that were not sent to a server because it is down */

struct counters {
#define COUNTERS_FIELD(name) _Atomic uint64_t name;
    COUNTERS(COUNTERS_FIELD)
#undef COUNTERS_FIELD
};

#endif
