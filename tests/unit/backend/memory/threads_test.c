/* Many threads on few keys of a small memory.  Meant for the thread sanitizer, and it checks by itself what no
 * interleaving may show: a fresh value that is older than an invalidation that had been answered before. */
#include "ask.h"
#include "base/random.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { THREADS = 4, KEYS = 8, STEPS = 20000, FILLERS = 500 };

struct world {
    struct memory *memory;
    _Atomic int64_t now_ms;
    _Atomic uint64_t tokens;
    _Atomic uint64_t written[KEYS];     /* the truth: a version that only grows */
    _Atomic uint64_t invalidated[KEYS]; /* the newest version whose invalidation has been answered */
    _Atomic uint64_t stored;
    _Atomic uint64_t hits;
    _Atomic uint64_t wrong;
};

struct worker {
    struct world *world;
    struct random random;
    pthread_t thread;
};

static void act(struct world *world, struct request *request) {
    memory_execute(world->memory, request, atomic_fetch_add(&world->now_ms, 1) / 16);
}

static void raise_to(_Atomic uint64_t *place, uint64_t version) {
    uint64_t was = atomic_load(place);
    while (was < version && !atomic_compare_exchange_weak(place, &was, version)) {
    }
}

static void read_once(struct world *world, const char *key, size_t index) {
    uint64_t due = atomic_load(&world->invalidated[index]);
    struct request peek = on(key, ask(VERB_PEEK));
    act(world, &peek);
    if (peek.reply.verdict == VERDICT_FRESH) {
        atomic_fetch_add(&world->hits, 1);
        if (strtoull(peek.reply.value->data, NULL, 10) < due)
            atomic_fetch_add(&world->wrong, 1);
    }
    request_clear(&peek);
}

static void load_once(struct world *world, const char *key, size_t index, struct random *random) {
    char owner[32], value[32];
    snprintf(owner, sizeof owner, "owner %llu", (unsigned long long)atomic_fetch_add(&world->tokens, 1));
    struct request acquire = strongly(on(key, by(owner, lasting(20, ask(VERB_ACQUIRE)))));
    act(world, &acquire);
    bool won = acquire.reply.verdict == VERDICT_OWNED;
    request_clear(&acquire);
    if (!won)
        return;
    snprintf(value, sizeof value, "%llu", (unsigned long long)atomic_load(&world->written[index]));
    if (random_next(random) % 4 == 0) {
        enum verb verb = random_next(random) % 2 ? VERB_RENEW : VERB_RELEASE;
        struct request other = on(key, by(owner, lasting(20, ask(verb))));
        act(world, &other);
        request_clear(&other);
    }
    struct request put = with(value, on(key, by(owner, lasting(1000, ask(VERB_PUT)))));
    act(world, &put);
    if (put.reply.verdict == VERDICT_STORED)
        atomic_fetch_add(&world->stored, 1);
    request_clear(&put);
}

static void write_once(struct world *world, const char *key, size_t index, struct random *random) {
    char owner[32];
    snprintf(owner, sizeof owner, "writer %llu", (unsigned long long)atomic_fetch_add(&world->tokens, 1));
    bool locks = random_next(random) % 2 == 0;
    struct request lock = on(key, by(owner, lasting(20, ask(VERB_LOCK))));
    if (locks)
        act(world, &lock);
    locks = locks && lock.reply.verdict == VERDICT_OWNED;
    request_clear(&lock);
    uint64_t version = atomic_fetch_add(&world->written[index], 1) + 1;
    struct request end = on(key, by(owner, ask(locks ? VERB_UNLOCK : VERB_INVALIDATE)));
    act(world, &end);
    if (end.reply.verdict != VERDICT_LOST)
        raise_to(&world->invalidated[index], version);
    request_clear(&end);
}

/* Pushes others out, so that locks and leases are evicted as well. */
static void fill_once(struct world *world, struct random *random) {
    char key[32];
    snprintf(key, sizeof key, "filler %u", (unsigned)(random_next(random) % FILLERS));
    struct request set = with("something to fill the memory with", on(key, lasting(1000, ask(VERB_SET))));
    act(world, &set);
    request_clear(&set);
    struct request inspect_any = on(key, ask(random_next(random) % 8 ? VERB_GET : VERB_INSPECT));
    act(world, &inspect_any);
    request_clear(&inspect_any);
}

static void *work(void *arg) {
    struct worker *worker = arg;
    for (int i = 0; i < STEPS; i++) {
        char key[16];
        size_t index = random_next(&worker->random) % KEYS;
        snprintf(key, sizeof key, "key %zu", index);
        switch (random_next(&worker->random) % 8) {
        case 0:
            write_once(worker->world, key, index, &worker->random);
            break;
        case 1:
        case 2:
            load_once(worker->world, key, index, &worker->random);
            break;
        case 3:
            fill_once(worker->world, &worker->random);
            break;
        default:
            read_once(worker->world, key, index);
        }
    }
    return NULL;
}

static void threads_never_see_a_fresh_value_older_than_its_invalidation(void **state) {
    (void)state;
    enum { BYTES_MAX = 60000 };
    struct world world = { .memory = memory_new(BYTES_MAX, 3), .now_ms = 16000 };
    struct worker workers[THREADS];
    assert_non_null(world.memory);
    for (uint64_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .world = &world, .random = { i } };
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    assert_int_equal(world.wrong, 0);
    assert_true(world.hits > 1000 && world.stored > 100); /* else the load was too light to show anything */
    assert_true(memory_bytes(world.memory) <= BYTES_MAX);
    memory_free(world.memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_never_see_a_fresh_value_older_than_its_invalidation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
