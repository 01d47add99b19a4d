/* journal: invalidations that no server has taken yet: one record a key, tried again until a server answers.
 *
 * While a key is in it, this process takes what the store says of that key for invalid: reads and locks come back as if
 * no server answered, and what was loaded before is not stored.  Once one could not be kept, so it is with every key,
 * for as long as it may matter (doubt.h).
 *
 * Its lock is taken with no other held; under it only that of the service, to start it. */
#ifndef RESILICACHE_RUNTIME_JOURNAL_H
#define RESILICACHE_RUNTIME_JOURNAL_H

#include "base/map.h"
#include "engine/verbs.h"
#include "runtime/doubt.h"
#include "runtime/journal_file.h"

#include <pthread.h>

struct rcache;

/* Each does what those before it do. */
enum journal_kind { JOURNAL_INVALIDATE = 1, JOURNAL_UNLOCK, JOURNAL_DELETE };

struct journal {
    pthread_mutex_t lock;
    struct map by_key;
    struct link_node records;  /* in the order in which they are tried */
    struct journal_file *file; /* NULL: they are lost with the process */
    size_t live;               /* bytes that the records take in it */
    _Atomic size_t depth;
    _Atomic size_t under_way;  /* of the last batch */
    bool progress;             /* one of the last batch was taken */
    int64_t pause_ms;
    struct doubt doubt;
    _Atomic int64_t due_ms;    /* when the next batch is; INT64_MAX: there is none, or one is under way */
};

bool journal_init(struct journal *journal, uint64_t seed); /* false for want of memory */
void journal_clear(struct journal *journal);
/* What is in the file, if the settings name one, is tried from the first call on. */
int32_t journal_open(struct journal *journal, const char *path, rcache_error *err);
/* The file is free for others. */
void journal_release(struct journal *journal);
/* In a child process: only the descriptor is closed. */
void journal_abandon(struct journal *journal);

/* False: an invalidation of the key is in the journal, and the request has its answer. */
bool journal_admits(struct journal *journal, struct request *request, struct link_node *done);
/* Takes its own requests out of *done, and notes the invalidations that no server took: RCACHE_E_QUEUED, or, where they
 * can't be kept, the failure that they had. */
void journal_take(struct rcache *cache, struct link_node *done);
/* Appends what is to be tried now. */
void journal_send(struct rcache *cache, struct link_node *requests);
/* A server is back. */
void journal_hurry(struct rcache *cache);

#endif
