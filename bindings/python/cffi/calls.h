/* calls: one crossing each.  cffi gives the GIL away and takes it back around every call, and taking it back is what
 * costs among many threads; so whatever can go together goes together here. */

/* The cache that a Python object stands for.  Closing ends what runs on it; what comes later finds it closed. */
typedef struct handle handle;
handle *handle_open(const char *url, const rcache_options *options, rcache_error *err);
void handle_close(handle *handle);
/* In a child process, where a thread that is no more may have had the lock. */
void handle_close_forked(handle *handle);
void handle_free(handle *handle);
size_t handle_stats(handle *handle, char *text, size_t capacity);

/* A call under way.  It owns what its fields point to, until they are NULL. */
typedef struct step {
    rcache_op *op; /* NULL: done */
    rcache_event event;
    char copy[4000];
} step;

enum { CALL_FETCH, CALL_GET, CALL_SET, CALL_INVALIDATE, CALL_DELETE, CALL_LOCK, CALL_RENEW, CALL_UNLOCK, CALL_INSPECT };

/* What is said of a call that began; or, 0 and up: it is done, and this is the size of the value in `copy`. */
enum { STEP_ABSENT = -1, STEP_EVENT = -2, STEP_CLOSED = -3 };

/* Frees what the step owns; it may begin another call. */
void step_clear(step *step);
/* A call for one key, up to its first event.  `text` is the value or the owner, for calls that have one. */
int64_t step_one(step *step, handle *handle, int32_t call, const char *key, uint32_t key_size, const char *text,
                 size_t text_size, int64_t time_ms, uint32_t flags, int64_t deadline_ms);
/* A call for many keys and without a text: STEP_EVENT or STEP_CLOSED. */
int64_t step_many(step *step, handle *handle, int32_t call, const char *keys, const uint32_t *key_sizes, size_t count,
                  int64_t time_ms, uint32_t flags, int64_t deadline_ms);
/* Waits for the next event. */
int32_t step_wait(step *step, int64_t timeout_ms);

/* In an answer to a load, instead of a size. */
enum { ANSWER_ABSENT = -1, ANSWER_NONE = -2 };

void load_positions(const rcache_load *load, uint64_t *positions);
/* Values lie one behind the other.  The status of the first that is refused, with its index; or RCACHE_OK. */
int32_t load_answer(rcache_load *load, const char *values, const int64_t *sizes, size_t *index);
void load_fail(rcache_load *load, const char *message);

/* ---- for event loops ---- */

/* RCACHE_E_CLOSED: the cache is closed. */
int32_t queue_open(handle *handle, rcache_queue **queue, rcache_error *err);
/* A call for one key or many, submitted; NULL: the cache is closed.  The op is for rcache_op_cancel alone, until its
 * DONE is drained. */
rcache_op *queue_begin(rcache_queue *queue, uint64_t tag, handle *handle, int32_t call, const char *keys,
                       const uint32_t *key_sizes, size_t count, const char *text, size_t text_size, int64_t time_ms,
                       uint32_t flags, int64_t deadline_ms);

/* What came of some calls.  An event that is DONE and has no result is one of one key, whose value lies in `copy`,
 * behind those before it.  It owns the results and loads that its events point to, until they are NULL. */
typedef struct drained {
    rcache_event events[64];
    char copy[16384];
} drained;

/* Lets go what is left from the last time, and takes what is there. */
size_t queue_drain(rcache_queue *queue, drained *drained);
void drained_clear(drained *drained);
