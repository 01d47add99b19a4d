/* resilicache.h: cache consistency for programs that keep their truth in a database and their speed in Redis.
 *
 * What is not in this file is private.  Said once, true everywhere:
 * - Bytes are a pointer and a size; any byte may occur; only what is declared `const char *` ends in NUL.
 * - Times are int64_t milliseconds, named *_ms.  A zero in a struct that the caller fills means "the default".
 * - Nothing is passed or returned as a struct by value, and no struct that a caller fills holds a pointer to
 *   the caller's memory.  What is passed in is copied before the call returns.
 * - "Threads: any" may be called from all threads at once; "one" by one thread at a time, not always the same.
 *   Unless a function says otherwise, it is "any" for an rcache and "one" for every other handle.
 * - The *_free functions and rcache_close take NULL and may come in any order: a handle keeps what it needs.
 * - After fork() a child may only close and free what it inherited; anything else fails with RCACHE_E_FORKED, and a
 *   queue or stepper only frees the ops that it is given. */
#ifndef RESILICACHE_H
#define RESILICACHE_H

#include <stddef.h>
#include <stdint.h>

#define RCACHE_VERSION_MAJOR 0
#define RCACHE_VERSION_MINOR 1
#define RCACHE_VERSION_PATCH 0
#define RCACHE_VERSION (RCACHE_VERSION_MAJOR * 1000000 + RCACHE_VERSION_MINOR * 1000 + RCACHE_VERSION_PATCH)

#if defined(__GNUC__)
#  define RCACHE_API __attribute__((visibility("default")))
#else
#  define RCACHE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library at hand, built as RCACHE_VERSION is.  Threads: any. */
RCACHE_API uint32_t rcache_version(void);
/* 1 if this build has the feature ("redis", "memory", "resp3", "tls", ...), else 0.  Threads: any. */
RCACHE_API int32_t rcache_has(const char *feature);

/* ---- status ------------------------------------------------------------------------------------------
 * 0 is success, failures are negative.  A number keeps its meaning for ever; new ones may come. */

enum {
    RCACHE_OK = 0,
    RCACHE_E_INVALID = -1,      /* an argument or option; the message names it and what would be right */
    RCACHE_E_NOMEM = -2,        /* memory could not be had; nothing was done */
    RCACHE_E_MISUSE = -3,       /* a call out of order */
    RCACHE_E_FORKED = -4,       /* the handle came from the parent process: open a new one */
    RCACHE_E_CLOSED = -5,       /* the cache was closed */
    RCACHE_E_TIMEOUT = -6,      /* the op's deadline passed */
    RCACHE_E_CANCELED = -7,     /* rcache_op_cancel */
    RCACHE_E_UNAVAILABLE = -8,  /* no server answers */
    RCACHE_E_AUTH = -9,         /* the server refuses user or password */
    RCACHE_E_SERVER = -10,      /* an error of the server, in its words */
    RCACHE_E_PROTOCOL = -11,    /* a reply that makes no sense */
    RCACHE_E_LOADER = -12,      /* the loader failed and nothing stale could be served */
    RCACHE_E_LOST = -13,        /* the lease or lock is someone else's now */
    RCACHE_E_LIMIT = -14,       /* a bound of ours: key or value too large, too many keys */
    RCACHE_E_UNSUPPORTED = -15, /* by this server or this build */
    RCACHE_E_TYPE = -16,        /* the key holds something that is no cache entry */
    RCACHE_E_QUEUED = -17,      /* no server took the invalidation; it is kept, and tried again until one does */
    RCACHE_E_OUTDATED = -18     /* a newer version is known */
};

/* The caller's own; layout frozen.  Every `err` argument may be NULL. */
typedef struct rcache_error {
    int32_t status;
    char message[252]; /* one line of UTF-8 */
} rcache_error;
#define RCACHE_ERROR_INIT { 0, { 0 } }

/* "RCACHE_E_LOST"; static text, "RCACHE_E_UNKNOWN" for a number that is none.  Threads: any. */
RCACHE_API const char *rcache_status_name(int32_t status);
/* 1: the same call may succeed later (a timeout, a server away).  Threads: any. */
RCACHE_API int32_t rcache_status_retriable(int32_t status);

/* ---- options: text, so that no binding has to know them -----------------------------------------------
 * The same names serve here, in a URL's query, on the command line and in the manual. */

typedef struct rcache_options rcache_options;

typedef struct rcache_option_info {
    uint32_t struct_size; /* in: sizeof the struct as the caller knows it */
    uint32_t reserved;
    const char *name;     /* out: static text, all five */
    const char *type;     /* "duration", "integer", "number", "boolean", "size", "choice", "text" or "secret" */
    const char *fallback; /* the default, as one would write it */
    const char *range;    /* "1ms..24h", or "this|that"; "" where anything goes */
    const char *help;     /* one sentence */
} rcache_option_info;

/* An empty set of options; NULL for want of memory.  Free it with rcache_options_free. */
RCACHE_API rcache_options *rcache_options_new(void);
RCACHE_API void rcache_options_free(rcache_options *options);
/* Durations are "250ms", "3s", "1.5s", "2m", "1h", or a bare number of seconds; sizes "64mb"; booleans yes and no.
 * RCACHE_E_INVALID for a name that is none (the message has the nearest) or a value out of range. */
RCACHE_API int32_t rcache_options_set(rcache_options *options, const char *name, const char *value, rcache_error *err);
/* Fills *info with option number `index`; RCACHE_E_INVALID past the last.  Threads: any. */
RCACHE_API int32_t rcache_options_describe(size_t index, rcache_option_info *info);

/* ---- the cache -------------------------------------------------------------------------------------------
 * Opening makes no socket and no thread: they come with the first op.  It makes and locks the file that the option
 * journal_file names.  Closing ends all ops with RCACHE_E_CLOSED and does not wait. */

typedef struct rcache rcache;

/* memory:// · redis://user:password@host:port/db · valkey:// · unix:///path?db=1 · redis+cluster://host:port,host:port
 * · redis+sentinel://host:port,host:port/name/db · by TLS rediss:// and so on; options as ?name=value&...
 * `options` (may be NULL) go over those of the URL and stay the caller's.  On success *cache is the caller's to
 * close; on failure it is NULL and *err says why, never with the password in it. */
RCACHE_API int32_t rcache_open(const char *url, const rcache_options *options, rcache **cache, rcache_error *err);
RCACHE_API void rcache_close(rcache *cache);
/* User and password for the connections that are opened from now on, over those of URL and options; those that stand
 * stay as they are.  NULL for either: what URL and options say again; "" as user: the server's default user. */
RCACHE_API int32_t rcache_credentials(rcache *cache, const char *user, const char *password, rcache_error *err);
/* disable_cache_read and disable_cache_delete may be set while programs run, to take them off the cache and put them
 * back.  RCACHE_E_MISUSE out of order: reads are disabled before deletes, and enabled after them. */
RCACHE_API int32_t rcache_set_option(rcache *cache, const char *name, const char *value, rcache_error *err);
/* With session_consistency, what this cache has written, invalidated, deleted, unlocked or updated lately, as a text of
 * letters, digits and '-' with a NUL behind it, for a cache of the same keys elsewhere: in a cookie, in a header.
 * Fetches of that one see it, too, once it has joined.  RCACHE_E_MISUSE without the option.  Threads: any. */
enum { RCACHE_SESSION_SIZE = 1044 }; /* of the longest token, its NUL included: what `token` has room for */
RCACHE_API int32_t rcache_session_token(rcache *cache, char *token, rcache_error *err);
RCACHE_API int32_t rcache_session_join(rcache *cache, const char *token, rcache_error *err);
/* For who has several handles for the same keys: from now on `cache` has the session of `with` in place of its own,
 * also when that one is closed.  RCACHE_E_MISUSE after the first call of `cache`, which no other thread may use
 * meanwhile. */
RCACHE_API int32_t rcache_session_share(rcache *cache, rcache *with, rcache_error *err);
/* "name value" lines, NUL-terminated and cut at capacity; returns the size needed, without the NUL. */
RCACHE_API size_t rcache_stats(rcache *cache, char *text, size_t capacity);

/* ---- results: what is left of an op --------------------------------------------------------------------- */

typedef struct rcache_result rcache_result;

enum {
    RCACHE_FAILED = 0, /* status says why */
    RCACHE_HIT,        /* fetch, get: from the cache, fresh; inspect: a text of "name value" lines */
    RCACHE_LOADED,     /* fetch: by a loader, this call's or one that it joined */
    RCACHE_STALE,      /* fetch: invalidated, past its time, or older than what is known; eventual mode only */
    RCACHE_ABSENT,     /* fetch: the loader says there is none; get, delete, inspect: not there */
    RCACHE_DONE        /* set, invalidate, delete, lock, unlock, renew: it is done */
};

typedef struct rcache_value { /* a view into the result, valid until it is freed; layout frozen */
    const void *data;         /* an empty value may have NULL here: absence is the outcome, never the pointer */
    size_t size;
    int32_t outcome;
    int32_t status; /* of this key: a batch may fail in part */
} rcache_value;

/* Fills values[0 .. min(count, capacity)) in one crossing and returns the count, one per key. */
RCACHE_API size_t rcache_result_values(const rcache_result *result, rcache_value *values, size_t capacity);
/* lock, update: the fence of the lock of key `index`: more than that of any lock of this key before.  0: none.  That of
 * a lock is its value as well, in decimal digits. */
RCACHE_API uint64_t rcache_result_fence(const rcache_result *result, size_t index);
/* What went wrong with key `index`, in words; "" where nothing did.  Lives as long as the result. */
RCACHE_API const char *rcache_result_message(const rcache_result *result, size_t index);
/* The status of the first key that failed, or RCACHE_OK.  *index (may be NULL) is that key. */
RCACHE_API int32_t rcache_result_status(const rcache_result *result, size_t *index);
RCACHE_API void rcache_result_free(rcache_result *result);

/* ---- loads: the right and the duty to produce values ------------------------------------------------------
 * Answer each key, now or later, from whichever thread; leases are renewed meanwhile.  Every load that is
 * handed out must be finished, also after its op was cancelled or its cache closed. */

typedef struct rcache_load rcache_load;

RCACHE_API size_t rcache_load_count(const rcache_load *load);
/* The key as the caller gave it; lives as long as the load.  NULL past the last. */
RCACHE_API const void *rcache_load_key(const rcache_load *load, size_t index, size_t *size);
/* Which of the op's keys it is: a position in the arrays that rcache_op_fetch was given. */
RCACHE_API size_t rcache_load_position(const rcache_load *load, size_t index);
/* update: the fence of its lock, as rcache_result_fence; 0 for other loads. */
RCACHE_API uint64_t rcache_load_fence(const rcache_load *load);
/* 0: every lease of the load is lost, so that nothing it stores will be kept; update: the lock is.  Threads: any. */
RCACHE_API int32_t rcache_load_wanted(const rcache_load *load);
/* 1: an earlier load for this call brought an older version of a row than is known, as from a lagging replica of the
 * database: read the primary now. */
RCACHE_API int32_t rcache_load_primary(const rcache_load *load);
/* ttl_ms overrides the op's for this key; 0: the op's.  The last answer to a key counts. */
RCACHE_API int32_t rcache_load_value(rcache_load *load, size_t index, const void *data, size_t size, int64_t ttl_ms);
RCACHE_API int32_t rcache_load_absent(rcache_load *load, size_t index);
/* Which version of the row the answer to this key is: as rcache_call has it.  One that is older than an invalidation or
 * a set has told of is not stored: it is loaded again (on_outdated).  Where that doesn't help, eventual callers get it
 * as RCACHE_STALE, strong ones RCACHE_E_OUTDATED. */
RCACHE_API int32_t rcache_load_version(rcache_load *load, size_t index, uint64_t version);
/* For now: where an older value may be served instead, it is; a later call may load again. */
RCACHE_API int32_t rcache_load_fail(rcache_load *load, size_t index, const char *message);
/* For good, as where the row may not be read any more: nothing older is served, by nobody, and it is not kept. */
RCACHE_API int32_t rcache_load_fail_permanent(rcache_load *load, size_t index, const char *message);
/* Consumes the load; keys without an answer fail. */
RCACHE_API void rcache_load_finish(rcache_load *load);

/* ---- ops: begin here, run by one of the drivers below -------------------------------------------------------
 * A batch is flat: the keys in one run of bytes and an array of their sizes; never an array of pointers.
 * Beginning never fails: an op that can't be begun is one whose first event is DONE, with the reason. */

typedef struct rcache_op rcache_op;

enum {
    RCACHE_STRONG = 1,   /* fetch: linearizable, for this call, whatever the default */
    RCACHE_EVENTUAL = 2, /* fetch: may be stale for a while, whatever the default */
    RCACHE_INLINE = 4,   /* fetch: a refresh that this call wins is done within it, not handed over at its end */
    RCACHE_RAW = 8,      /* get, set: the value alone; leases and locks are neither looked at nor touched */
    RCACHE_WAIT = 16,    /* lock: wait for another's lock to end, until the deadline, instead of RCACHE_E_LOST */
    RCACHE_APART = 32,   /* fetch: its loads are done elsewhere: soft_timeout and hard_timeout are for it, too */
    RCACHE_INTENT = 64   /* lock, update: nobody is given the value that is to be replaced, eventual readers neither */
};

typedef struct rcache_call { /* NULL: all defaults */
    uint32_t struct_size;    /* sizeof the struct as the caller knows it; what it lacks counts as zero */
    uint32_t flags;
    int64_t deadline_ms; /* from now; 0: the option `deadline`; no op is without one */
    uint64_t version;    /* set, invalidate: of the row, from the database; at most INT64_MAX, 0: unknown */
    const char *session; /* fetch: a token, whose session this op alone sees, or NULL; no session_consistency needed */
} rcache_call;

/* Cache-aside in one call: the cached values, or a load for those that this caller is to produce. */
RCACHE_API rcache_op *rcache_op_fetch(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                      int64_t ttl_ms, const rcache_call *call);
/* What is stored, whatever its state; never loads. */
RCACHE_API rcache_op *rcache_op_get(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                    const rcache_call *call);
/* Write-through: stored as fresh, ends every lease.  Values lie one behind the other, as the keys do. */
RCACHE_API rcache_op *rcache_op_set(rcache *cache, const void *keys, const uint32_t *key_sizes, const void *values,
                                    const uint32_t *value_sizes, size_t count, int64_t ttl_ms, const rcache_call *call);
/* Tag as deleted: call it after the database has committed and before the writer reports success. */
RCACHE_API rcache_op *rcache_op_invalidate(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                           const rcache_call *call);
/* Outcome DONE where there was an entry, ABSENT where there was none. */
RCACHE_API rcache_op *rcache_op_delete(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                       const rcache_call *call);
/* Lock for update: while it lives, strong readers wait, eventual ones get the old value, and loads can't store.
 * RCACHE_E_LOST: another owner holds it.  The same owner may lock again.  lease_ms 0: the option lock_expire_max.
 * With RCACHE_INTENT the old value is removed: eventual readers wait, too, until it is unlocked or its lease has ended,
 * and then it is loaded anew. */
RCACHE_API rcache_op *rcache_op_lock(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                     const void *owner, size_t owner_size, int64_t lease_ms, const rcache_call *call);
/* The lock lives lease_ms from now.  RCACHE_E_LOST: it had ended. */
RCACHE_API rcache_op *rcache_op_renew(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                      const void *owner, size_t owner_size, int64_t lease_ms, const rcache_call *call);
/* Leaves the entry invalidated, also if the lock had ended.  RCACHE_E_LOST: another writer holds it by now. */
RCACHE_API rcache_op *rcache_op_unlock(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                       const void *owner, size_t owner_size, const rcache_call *call);
/* Lock, the caller's transaction, unlock.  Another's lock is waited for, until the deadline, which counts no further.
 * Then comes LOAD: the transaction is to be run, with rcache_load_fence, and the load finished, by rcache_load_fail
 * before where it failed.  Meanwhile the lock is renewed, until lock_expire_max has passed.  Finishing unlocks, as
 * rcache_op_unlock does.  DONE: RCACHE_E_LOADER where the transaction failed, RCACHE_E_LOST where the lock had ended
 * before it was unlocked.  owner_size 0: one is made up.  lease_ms 0: the option lock_expire. */
RCACHE_API rcache_op *rcache_op_update(rcache *cache, const void *key, size_t key_size, const void *owner,
                                       size_t owner_size, int64_t lease_ms, const rcache_call *call);
/* The entry as it lies in the store, for people: lines "state fresh", "size 6", "ttl_ms 9000", "owner ...". */
RCACHE_API rcache_op *rcache_op_inspect(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                        const rcache_call *call);

/* Asks the op to end; DONE still comes, once.  A load that was handed out goes on.  Threads: any. */
RCACHE_API void rcache_op_cancel(rcache_op *op);
/* For an op without DONE: after DONE there is no op. */
RCACHE_API void rcache_op_free(rcache_op *op);

enum {
    RCACHE_EVENT_NONE = 0,
    RCACHE_EVENT_DONE,    /* the last: `result` is the caller's, `value` the view of its first key; a `load` beside
                             it is a refresh behind, the caller's to finish, best elsewhere */
    RCACHE_EVENT_LOAD,    /* `load` is the caller's to finish, then wait again */
    RCACHE_EVENT_CONNECT, /* stepping: open a connection to `value`, within wait_ms, and call it `node` */
    RCACHE_EVENT_SEND,    /* stepping: send `value` to `node` */
    RCACHE_EVENT_CLOSE,   /* stepping: close `node`; there is nothing more to tell of it */
    RCACHE_EVENT_LOST     /* update: its lock has ended under its load, which is still to be finished */
};

typedef struct rcache_event { /* layout frozen: one cache line where pointers have 8 bytes */
    uint64_t tag;             /* as given to rcache_queue_submit: the caller's, never looked into */
    rcache_result *result;
    rcache_load *load;
    rcache_value value;
    int64_t wait_ms;
    uint32_t kind;
    uint32_t node;
} rcache_event;

/* ---- driver 1, blocking: on the calling thread, without a call back -----------------------------------------
 * Returns event->kind.  NONE: timeout_ms passed (negative: none but the op's deadline) or a signal came; call again. */
RCACHE_API int32_t rcache_op_wait(rcache_op *op, int64_t timeout_ms, rcache_event *event);

/* `load` runs on the calling thread and has to finish the load, there or elsewhere. */
typedef void (*rcache_loader)(rcache_load *load, void *arg);

/* The whole of an op in one call: waits for it, runs `load` (NULL for ops that need none) for what is to be loaded.
 * Consumes the op.  *result is never NULL and the caller's to free.  Returns the status of the first failure. */
RCACHE_API int32_t rcache_op_run(rcache_op *op, rcache_loader load, void *arg, rcache_result **result);

/* rcache_op_fetch of one key, with RCACHE_INLINE, and rcache_op_run. */
RCACHE_API int32_t rcache_fetch(rcache *cache, const void *key, size_t size, int64_t ttl_ms, rcache_loader load,
                                void *arg, const rcache_call *call, rcache_result **result);
#define RCACHE_STR(literal) (literal), (sizeof(literal) - 1) /* rcache_fetch(cache, RCACHE_STR("user:1"), ... */

/* ---- driver 2, completion queue: for event loops; no thread is parked for an op --------------------------------
 * The descriptor is readable while events wait (level-triggered, and one edge for each change from empty).  Watch it;
 * never read or close it. */

typedef struct rcache_queue rcache_queue;

RCACHE_API int32_t rcache_queue_new(rcache *cache, rcache_queue **queue, rcache_error *err);
RCACHE_API int rcache_queue_fd(const rcache_queue *queue);
/* The op is the queue's from here on; its events carry the tag.  rcache_op_cancel is allowed until its DONE is
 * drained.  Threads: any. */
RCACHE_API void rcache_queue_submit(rcache_queue *queue, rcache_op *op, uint64_t tag);
/* The same for several ops, in this order: what they have to send goes out together, for the price of one.  Both arrays
 * are read during the call alone. */
RCACHE_API void rcache_queue_submit_all(rcache_queue *queue, rcache_op *const *ops, const uint64_t *tags, size_t count);
/* Fills in up to `capacity` events, without waiting; their count.  Every op brings DONE, once; but of those for which
 * there is no memory at all, 64 at a time. */
RCACHE_API size_t rcache_queue_drain(rcache_queue *queue, rcache_event *events, size_t capacity);
/* Ends its ops without telling; loads that were handed out stay the caller's to finish. */
RCACHE_API void rcache_queue_free(rcache_queue *queue);

/* ---- driver 3, stepping: for callers with sockets of their own ------------------------------------------------
 * A cache with a stepper opens no socket and starts no thread: the caller connects, sends, receives and keeps the
 * time.  A round: submit ops; drain, until fewer events come than there is room for, and do what they ask for; wait
 * for bytes, for the time, for a load to be finished; tell the stepper; drain again.
 * Threads: one at a time, for the cache and all that comes of it.  No other driver runs ops of such a cache. */

typedef struct rcache_stepper rcache_stepper;

/* At most one a cache, made before its first op; else RCACHE_E_MISUSE. */
RCACHE_API int32_t rcache_stepper_new(rcache *cache, rcache_stepper **stepper, rcache_error *err);
/* The op is the stepper's from here on; its events carry the tag.  rcache_op_cancel is allowed until its DONE is
 * drained. */
RCACHE_API void rcache_stepper_submit(rcache_stepper *stepper, rcache_op *op, uint64_t tag);
/* Runs what is due, then fills in up to `capacity` events, without waiting; their count.  Every op brings DONE, once.
 * CONNECT has a URL in `value`: redis://127.0.0.1:6379, redis://[::1]:6379 or unix:///path.  No two connections have
 * the same `node`.  What SEND hands out counts as sent.  `value` is valid until the next drain. */
RCACHE_API size_t rcache_stepper_drain(rcache_stepper *stepper, rcache_event *events, size_t capacity);
/* Drain again in so many milliseconds, whatever happens meanwhile; -1: only when something does. */
RCACHE_API int64_t rcache_stepper_wait_ms(const rcache_stepper *stepper);
/* The connection stands.  `facts` NULL: it is new, and a handshake follows.  Else what rcache_stepper_facts said of
 * this very connection, which was kept in a pool: it is used at once. */
RCACHE_API void rcache_stepper_connected(rcache_stepper *stepper, uint32_t node, const char *facts);
/* Writes what the handshake found out, one word of letters, digits and '-', NUL-terminated and cut at capacity;
 * returns the size needed, without the NUL: 0 as long as there was no handshake. */
RCACHE_API size_t rcache_stepper_facts(const rcache_stepper *stepper, uint32_t node, char *text, size_t capacity);
/* Bytes that came from `node`, however they are cut.  Returns 0 or, in the middle of a value of 16 KiB and more, how
 * many of its bytes are still to come, so that a caller may read just these and hand them over in one piece.  Ignored
 * for a node that was lost or closed. */
RCACHE_API size_t rcache_stepper_receive(rcache_stepper *stepper, uint32_t node, const void *data, size_t size);
/* 1: nothing is due from `node` or to be sent to it, so that it may go back to a pool, and be told as lost. */
RCACHE_API int32_t rcache_stepper_idle(const rcache_stepper *stepper, uint32_t node);
/* The connection could not be made, or has ended.  `why`, in words, for messages; NULL: nothing went wrong. */
RCACHE_API void rcache_stepper_lost(rcache_stepper *stepper, uint32_t node, const char *why);
/* Ends its ops without telling; loads that were handed out stay the caller's to finish.  Its connections are the
 * caller's to close. */
RCACHE_API void rcache_stepper_free(rcache_stepper *stepper);

#ifdef __cplusplus
}
#endif
#endif
