/* The table is split into shards by the hash of the key, each with a lock of its own that is held for one verb on one
 * key; no two shards are ever locked together.  The bound is on the sum of all shards: a writer that finds it passed
 * evicts from one shard after the other.  It may be passed for a moment by what calls under way have just written.
 *
 * A shard's lock is several: who only reads takes that of his stripe, who changes something takes all, in their order.
 * So reading on several cores at once writes to nothing that they share. */
#include "backend/memory/memory.h"

#include "backend/memory/store.h"
#include "backend/memory/verbs.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/stripe.h"

#include <pthread.h>

enum { SHARDS = 16, LOCKS = 8 };

struct stripe_lock {
    pthread_mutex_t mutex;
    char apart[STRIPE_SIZE - sizeof(pthread_mutex_t) % STRIPE_SIZE];
};

struct shard {
    struct stripe_lock locks[LOCKS];
    struct store store;
};

struct memory {
    uint64_t seed;
    uint64_t bytes_max;
    _Atomic uint64_t bytes;
    _Atomic uint32_t hand; /* the shard to evict from next */
    uint32_t shard_count;  /* SHARDS, but while it is being made */
    struct shard shards[SHARDS];
};

static bool shard_init(struct memory *memory, struct shard *shard, int64_t day_us) {
    if (!store_init(&shard->store, memory->seed, &memory->bytes, memory->bytes_max))
        return false;
    shard->store.day_us = day_us;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&shard->locks[i].mutex, NULL);
    return true;
}

struct memory *memory_new(uint64_t bytes_max, uint64_t seed) {
    struct memory *memory = mem_alloc_zeroed(1, sizeof *memory);
    if (memory == NULL)
        return NULL;
    memory->seed = seed;
    memory->bytes_max = bytes_max;
    int64_t day_us = clock_day_us() - clock_now_us();
    for (; memory->shard_count < SHARDS; memory->shard_count++)
        if (!shard_init(memory, &memory->shards[memory->shard_count], day_us)) {
            memory_free(memory);
            return NULL;
        }
    return memory;
}

void memory_free(struct memory *memory) {
    if (memory == NULL)
        return;
    for (uint32_t i = 0; i < memory->shard_count; i++) {
        store_clear(&memory->shards[i].store);
        for (size_t k = 0; k < LOCKS; k++)
            pthread_mutex_destroy(&memory->shards[i].locks[k].mutex);
    }
    mem_free(memory);
}

/* By the upper bits: the lower ones choose the bucket. */
static struct shard *shard_of(struct memory *memory, uint64_t hash) {
    return &memory->shards[(hash >> 32) % SHARDS];
}

/* The lock that was taken. */
static pthread_mutex_t *lock_shared(struct shard *shard) {
    pthread_mutex_t *own = &shard->locks[stripe_of_thread() % LOCKS].mutex;
    pthread_mutex_lock(own);
    return own;
}

static void lock_alone(struct shard *shard) {
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_lock(&shard->locks[i].mutex);
}

static void unlock_alone(struct shard *shard) {
    for (size_t i = LOCKS; i > 0; i--)
        pthread_mutex_unlock(&shard->locks[i - 1].mutex);
}

/* A clock whose hand goes from shard to shard.  What the call has just written is spared.  After a round of all shards
 * in vain, what is in use has to go as well; after a second one there is nothing left but what is spared. */
static void make_room(struct memory *memory, struct slice spared) {
    uint32_t in_vain = 0;
    while (in_vain < 2 * SHARDS && memory_bytes(memory) > memory->bytes_max) {
        uint32_t turn = atomic_fetch_add_explicit(&memory->hand, 1, memory_order_relaxed);
        struct shard *shard = &memory->shards[turn % SHARDS];
        lock_alone(shard);
        in_vain = store_evict(&shard->store, spared, in_vain >= SHARDS) ? 0 : in_vain + 1;
        unlock_alone(shard);
    }
}

static void change(struct memory *memory, struct request *request, uint64_t hash, int64_t now_ms) {
    struct shard *shard = shard_of(memory, hash);
    lock_alone(shard);
    verbs_execute(&shard->store, request, hash, now_ms);
    unlock_alone(shard);
    if (memory->bytes_max > 0)
        make_room(memory, request->key);
}

static void read(struct memory *memory, struct request *request, uint64_t hash, int64_t now_ms) {
    struct shard *shard = shard_of(memory, hash);
    pthread_mutex_t *own = lock_shared(shard);
    verbs_execute(&shard->store, request, hash, now_ms);
    pthread_mutex_unlock(own);
}

void memory_execute(struct memory *memory, struct request *request, int64_t now_ms) {
    uint64_t hash = map_hash(&memory->shards[0].store.map, request->key); /* the same in all of them */
    if (verb_changes(request->verb))
        change(memory, request, hash, now_ms);
    else
        read(memory, request, hash, now_ms);
}

uint64_t memory_bytes(struct memory *memory) {
    return atomic_load_explicit(&memory->bytes, memory_order_relaxed);
}

uint64_t memory_entries(struct memory *memory) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < SHARDS; i++) {
        pthread_mutex_t *own = lock_shared(&memory->shards[i]);
        count += memory->shards[i].store.map.count;
        pthread_mutex_unlock(own);
    }
    return count;
}
