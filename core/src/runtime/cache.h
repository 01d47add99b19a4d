/* cache: what rcache_open makes: settings, the engine under its lock, the backend, and who drives them.
 *
 * Locks: the engine's (`lock`) and each link's are never held together, and neither while a loader runs. */
#ifndef RESILICACHE_RUNTIME_CACHE_H
#define RESILICACHE_RUNTIME_CACHE_H

#include "backend/memory/memory.h"
#include "engine/engine.h"
#include "engine/load.h"
#include "runtime/common_session.h"
#include "runtime/credentials.h"
#include "runtime/journal.h"
#include "runtime/links.h"
#include "runtime/recent.h"
#include "runtime/service.h"
#include "runtime/settings.h"
#include "runtime/stripes.h"
#include "runtime/topology.h"
#include "runtime/wake.h"

struct queue;
struct stepper;

struct rcache {
    _Atomic uint32_t owners; /* the handle, every load of it, the service thread, and stripes for the ops */
    _Atomic bool closed;
    uint32_t generation; /* of forks */
    struct settings settings;
    struct credentials credentials;
    struct trust *trust; /* NULL: no TLS */
    struct counters counters;
    _Atomic uint64_t updates; /* that were given an owner */
    uint64_t seed;
    pthread_mutex_t lock;
    struct engine engine;
    struct memory *memory; /* NULL: links */
    struct topology topology;
    struct recent recent;
    struct common_session *session; /* NULL: without session_consistency */
    struct journal journal;
    struct links links;
    struct stepper *stepper; /* NULL: the links do the I/O */
    struct wake_group idle; /* calls that wait where there is no link */
    struct service service;
    struct queue *queues; /* under `lock`; none is freed before the cache is */
    struct stripe stripes[STRIPES];
};

/* Takes the settings over, also on failure. */
int32_t cache_new(struct settings *settings, struct rcache **cache, rcache_error *err);
struct rcache *cache_hold(struct rcache *cache);
void cache_drop(struct rcache *cache);
/* Ends every op with RCACHE_E_CLOSED; does not wait. */
void cache_close(struct rcache *cache);
bool cache_forked(const struct rcache *cache);

/* The op's first requests are carried out: true.  Or appended to `requests`: for cache_send, also those of several ops
 * at once, which go out together.  They come back by way of cache_dispatch. */
bool cache_submit(struct rcache *cache, struct op *op, struct link_node *requests);
/* `attended` (or NULL): the call for which the calling thread will wait next. */
void cache_send(struct rcache *cache, struct link_node *requests, struct call *attended);
/* Takes requests whose replies are in to their ops and to the engine, and carries out what that one wants next. */
void cache_dispatch(struct rcache *cache, struct link_node *done);

/* The engine, locked; unlocking carries out what it wants and wakes whom it has news for.  `attended` (or NULL) is the
 * call for which the calling thread will wait next. */
struct engine *cache_lock_engine(struct rcache *cache);
void cache_unlock_engine(struct rcache *cache, struct call *attended);

/* Lets the topology do what is due. */
void cache_tick_topology(struct rcache *cache, int64_t now_ms);

/* The backend can report no change of a key. */
void cache_cannot_watch(struct rcache *cache);
/* A watched key has changed; key.data NULL: any may have. */
void cache_changed(struct rcache *cache, struct slice key);

#endif
