/* calls: what bindings need beyond resilicache.h, one crossing each.  A call by way of a foreign function interface is
 * not free, and taking an interpreter's lock back after it is what costs among many threads; so what can go together
 * goes together here.  Any order of freeing is right, and every size is checked against the bytes that there are, so
 * that a garbage collector and a scripting language may have what is declared here. */

/* The cache that an object of a language stands for.  Closing ends what runs on it; what comes then finds it closed. */
typedef struct handle handle;
/* NULL: it can't be opened, and *err says why. */
handle *handle_open(const char *url, const rcache_options *options, rcache_error *err);
void handle_close(handle *handle);
/* In a child process, where a thread that is no more may have had the lock. */
void handle_close_forked(handle *handle);
void handle_free(handle *handle);
/* As rcache_credentials. */
int32_t handle_credentials(handle *handle, const char *user, const char *password, rcache_error *err);
/* As rcache_set_option. */
int32_t handle_set_option(handle *handle, const char *name, const char *value, rcache_error *err);
/* As rcache_session_token, to be freed by text_free; NULL: there is none, and *err says why. */
char *handle_session_token(handle *handle, rcache_error *err);
/* As rcache_session_join. */
int32_t handle_session_join(handle *handle, const char *token, rcache_error *err);
/* "name value" lines, none where it is closed, to be freed by text_free; NULL: no memory. */
char *handle_stats(handle *handle);
void text_free(char *text);

/* A call under way.  It owns what its fields point to, until they are NULL. */
typedef struct step {
    rcache_op *op; /* NULL: done */
    rcache_event event;
    char copy[4000];
} step;

enum {
    CALL_FETCH,
    CALL_GET,
    CALL_SET,
    CALL_INVALIDATE,
    CALL_DELETE,
    CALL_LOCK,
    CALL_RENEW,
    CALL_UNLOCK,
    CALL_INSPECT,
    CALL_UPDATE
};

/* What is said of a call that began; or, 0 and up: it is done, and this is the size of the value in `copy`. */
enum { STEP_ABSENT = -1, STEP_EVENT = -2, STEP_CLOSED = -3, STEP_INVALID = -4 };

/* Frees what the step owns; it may begin another call. */
void step_clear(step *step);
/* A call for one key, up to its first event.  `text` is the value, the owner, or of a fetch the token of a session with
 * its NUL, for calls that have one. */
int64_t step_one(step *step, handle *handle, int32_t call, const char *key, size_t key_size, const char *text,
                 size_t text_size, int64_t time_ms, uint32_t flags, int64_t deadline_ms,
                 uint64_t version);
/* A call for many keys: STEP_EVENT or STEP_CLOSED; or STEP_INVALID where the sizes don't add up to keys_size. */
int64_t step_many(step *step, handle *handle, int32_t call, const char *keys, size_t keys_size,
                  const uint32_t *key_sizes, size_t count, const char *text, size_t text_size, int64_t time_ms,
                  uint32_t flags, int64_t deadline_ms, uint64_t version);
/* Waits for the next event. */
int32_t step_wait(step *step, int64_t timeout_ms);
/* What the event at hand has brought, now the caller's; NULL: nothing, or taken before. */
rcache_load *step_take_load(step *step);
rcache_result *step_take_result(step *step);

/* In an answer to a load, instead of a size. */
enum { ANSWER_ABSENT = -1, ANSWER_NONE = -2 };

void load_positions(const rcache_load *load, uint64_t *positions);
/* An answer to each key; values lie one behind the other.  The status of the first that is refused; or RCACHE_OK. */
int32_t load_answer(rcache_load *load, const char *values, size_t values_size, const int32_t *sizes, size_t count);
/* All its keys; permanent: nothing older is to stand in. */
void load_fail(rcache_load *load, const char *message, int32_t permanent);

/* ---- for event loops ---- */

/* NULL: there is none, and *err says why; RCACHE_E_CLOSED where the cache is closed. */
rcache_queue *queue_open(handle *handle, rcache_error *err);
/* Calls of one turn of a loop, which are to be submitted together.  It owns the ops until they are. */
enum { GATHERED_MAX = 64 };
typedef struct gathered {
    rcache_op *ops[GATHERED_MAX];
    uint64_t tags[GATHERED_MAX];
    size_t count;
} gathered;

/* A call for one key or many, which is gathered; NULL: the cache is closed, or the sizes don't add up.  The op is for
 * rcache_op_cancel alone, until its DONE is drained. */
rcache_op *queue_gather(rcache_queue *queue, gathered *gathered, uint64_t tag, handle *handle, int32_t call,
                        const char *keys, size_t keys_size, const uint32_t *key_sizes, size_t count, const char *text,
                        size_t text_size, int64_t time_ms, uint32_t flags, int64_t deadline_ms, uint64_t version);
/* To be called at the end of the turn; where there is no more room, queue_gather does. */
void queue_submit(rcache_queue *queue, gathered *gathered);
/* Frees those that were not submitted. */
void gathered_clear(gathered *gathered);

/* What came of some calls.  An event that is DONE and has no result is one of one key, whose value lies in `copy`,
 * behind those before it.  It owns the results and loads that its events point to, until they are NULL. */
enum { DRAINED_MAX = 64 };
typedef struct drained {
    rcache_event events[DRAINED_MAX];
    char copy[16384];
} drained;

/* As step_take_load and step_take_result, of event `index`. */
rcache_load *drained_take_load(drained *drained, size_t index);
rcache_result *drained_take_result(drained *drained, size_t index);
/* Lets go what is left from the last time, and takes what is there. */
size_t queue_drain(rcache_queue *queue, drained *drained);
void drained_clear(drained *drained);
