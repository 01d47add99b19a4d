/* common_session: a session under its lock, of one cache or of several that share it. */
#ifndef RESILICACHE_RUNTIME_COMMON_SESSION_H
#define RESILICACHE_RUNTIME_COMMON_SESSION_H

#include "engine/session.h"

#include <pthread.h>
#include <stdatomic.h>

struct common_session {
    _Atomic uint32_t owners; /* caches */
    pthread_mutex_t lock;    /* over: */
    struct session session;
};

/* NULL for want of memory. */
struct common_session *common_session_new(void);
struct common_session *common_session_hold(struct common_session *common);
/* NULL is none. */
void common_session_drop(struct common_session *common);

#endif
