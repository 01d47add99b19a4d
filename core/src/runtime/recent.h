/* recent: the keys that this process has invalidated of late.  A primary that was replaced may have taken some of these
 * invalidations with it, since replication lags: they are sent again to whoever has the keys now.
 *
 * That is repair, no promise: it is lost with the process, and it is bounded.  What holds without it is said of the
 * epoch in docs/guarantees.md. */
#ifndef RESILICACHE_RUNTIME_RECENT_H
#define RESILICACHE_RUNTIME_RECENT_H

#include "engine/verbs.h"

#include <pthread.h>

/* A failover takes seconds to be decided, and more to be noticed. */
enum { RECENT_MAX = 4096, RECENT_MS = 60000 };

struct rcache;

struct recent {
    pthread_mutex_t lock;
    struct blob *keys[RECENT_MAX]; /* a ring: the oldest is overwritten */
    int64_t noted_ms[RECENT_MAX];
    int64_t versions[RECENT_MAX]; /* 0: none */
    size_t next;
    _Atomic bool wanted; /* a primary was replaced */
};

void recent_init(struct recent *recent);
void recent_clear(struct recent *recent);
/* Notes the invalidations among these requests, and takes those out that recent_resend has made. */
void recent_take(struct recent *recent, struct link_node *done, int64_t now_ms);
/* A server is another process than the one before. */
void recent_want(struct rcache *cache);
/* If that is wanted, appends an invalidation of each recent key to the list. */
void recent_resend(struct rcache *cache, struct link_node *requests);

#endif
