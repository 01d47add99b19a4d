/* service: the one thread of a cache, started when it is first needed.  It runs the timers (renewals, polls), listens
 * for changes of watched keys, and leads links for which no caller waits. */
#ifndef RESILICACHE_RUNTIME_SERVICE_H
#define RESILICACHE_RUNTIME_SERVICE_H

#include "runtime/notice.h"

#include <pthread.h>
#include <stdint.h>

struct rcache;
struct round;

struct service {
    pthread_mutex_t lock; /* of starting */
    _Atomic bool started;
    struct notice wake;
    struct round *round;       /* the thread's own */
    _Atomic int64_t sleeps_ms; /* until when, at the latest */
};

void service_init(struct service *service);
void service_clear(struct service *service);
/* False: no thread could be had.  Threads: any. */
bool service_start(struct rcache *cache);
/* Look at timers and links again; starts it if need be. */
void service_wake(struct rcache *cache);
/* A timer is due then: earlier than it knows, perhaps. */
void service_expect(struct rcache *cache, int64_t due_ms);

#endif
