#define _GNU_SOURCE
#include "runtime/service.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/cache.h"
#include "runtime/link.h"
#include "runtime/thread.h"

#include <poll.h>

enum { STARVED_MS = 10 }; /* until the next try for memory to serve links with */

void service_init(struct service *service) {
    pthread_mutex_init(&service->lock, NULL);
    service->wake = (struct notice)NOTICE_INIT;
    service->sleeps_ms = INT64_MAX;
}

void service_clear(struct service *service) {
    notice_close(&service->wake);
    pthread_mutex_destroy(&service->lock);
}

/* The links that nobody leads and the one that listens are led from here; those that are stuck are written to. */
struct round {
    struct pollfd *fds; /* the pipe, then two a link: as leader, as writer */
    bool *leads;
    size_t count;
    size_t room; /* for so many links */
    int64_t until_ms;
};

/* False for want of memory. */
static bool fit(struct round *round, size_t count) {
    round->count = count;
    if (count <= round->room && round->fds != NULL)
        return true;
    struct pollfd *fds = mem_resize(round->fds, (1 + 2 * count) * sizeof round->fds[0]);
    round->fds = fds != NULL ? fds : round->fds;
    bool *leads = mem_resize(round->leads, count * sizeof round->leads[0]);
    round->leads = leads != NULL ? leads : round->leads;
    round->count = fds != NULL && leads != NULL ? count : round->room;
    round->room = round->count;
    return fds != NULL && leads != NULL;
}

static void round_free(struct round *round) {
    if (round == NULL)
        return;
    mem_free(round->fds);
    mem_free(round->leads);
    mem_free(round);
}

static struct round *round_new(size_t count) {
    struct round *round = mem_alloc_zeroed(1, sizeof *round);
    if (round != NULL && fit(round, count))
        return round;
    round_free(round);
    return NULL;
}

static void prepare_links(struct rcache *cache, struct round *round, struct link_node *done) {
    for (size_t i = 0; i < round->count; i++) {
        struct link *link = cache->links.all[i];
        struct pollfd *fds = &round->fds[1 + 2 * i];
        fds[0].fd = fds[1].fd = -1;
        fds[1].events = POLLOUT;
        int64_t until_ms;
        round->leads[i] = link_try_lead(link);
        if (round->leads[i] && link_dial_apart(link)) {
            round->leads[i] = false; /* timers and other links don't wait for it */
        } else if (round->leads[i]) {
            fds[0].fd = link_prepare(link, &fds[0].events, &until_ms, done);
            round->until_ms = until_ms < round->until_ms ? until_ms : round->until_ms;
        } else {
            fds[1].fd = link_stuck(link);
        }
    }
}

static void serve_links(struct rcache *cache, struct round *round, struct link_node *done) {
    for (size_t i = 0; i < round->count; i++) {
        struct link *link = cache->links.all[i];
        struct pollfd *fds = &round->fds[1 + 2 * i];
        if (round->leads[i]) {
            link_receive(link, fds[0].fd >= 0 && (fds[0].revents & ~POLLOUT) != 0, done);
            cache_dispatch(cache, done);
            link_resign(link, true);
        } else if (fds[1].fd >= 0 && fds[1].revents != 0) {
            link_flush(link, NULL);
        }
    }
    cache_dispatch(cache, done);
}

static void serve(struct rcache *cache, struct round *round) {
    struct service *service = &cache->service;
    struct link_node done;
    list_init(&done);
    struct engine *engine = cache_lock_engine(cache);
    engine_tick(engine, clock_now_ms());
    round->until_ms = engine_due_ms(engine);
    service->sleeps_ms = round->until_ms;
    cache_unlock_engine(cache, NULL);
    cache_tick_topology(cache, clock_now_ms());
    if (cache->topology.due_ms < round->until_ms)
        round->until_ms = cache->topology.due_ms;
    if (cache->journal.due_ms < round->until_ms)
        round->until_ms = cache->journal.due_ms;
    int64_t again_ms = clock_now_ms() + STARVED_MS;
    if (!fit(round, cache->links.count) && again_ms < round->until_ms) /* nodes have come, and no memory for them */
        round->until_ms = again_ms;
    prepare_links(cache, round, &done);
    int timeout_ms = list_empty(&done) ? clock_timeout_ms(round->until_ms) : 0;
    round->fds[0].fd = service->wake.read_fd;
    round->fds[0].events = POLLIN;
    if (poll(round->fds, (nfds_t)(1 + 2 * round->count), timeout_ms) < 0)
        for (size_t i = 0; i < 1 + 2 * round->count; i++)
            round->fds[i].revents = 0;
    notice_clear(&service->wake);
    serve_links(cache, round, &done);
}

static void *run(void *argument) {
    struct rcache *cache = argument;
    struct round *round = cache->service.round;
    while (!cache->closed)
        serve(cache, round);
    round_free(round);
    cache_drop(cache);
    return NULL;
}

/* What the thread needs is there before it starts, so that whoever needs the thread is told where it isn't. */
static bool start_thread(struct rcache *cache) {
    struct service *service = &cache->service;
    service->round = round_new(cache->links.count);
    if (service->round == NULL || !notice_open(&service->wake)) {
        round_free(service->round);
        return false;
    }
    cache_hold(cache);
    if (thread_start(run, cache))
        return true;
    round_free(service->round);
    notice_close(&service->wake);
    cache->owners--;
    return false;
}

bool service_start(struct rcache *cache) {
    struct service *service = &cache->service;
    if (service->started || cache->stepper != NULL) /* whose caller does what the thread would */
        return true;
    pthread_mutex_lock(&service->lock);
    if (!service->started && !cache->closed)
        service->started = start_thread(cache);
    pthread_mutex_unlock(&service->lock);
    return service->started;
}

void service_wake(struct rcache *cache) {
    if (cache->stepper == NULL && service_start(cache))
        notice_post(&cache->service.wake);
}

void service_expect(struct rcache *cache, int64_t due_ms) {
    if (due_ms < cache->service.sleeps_ms)
        service_wake(cache);
}
