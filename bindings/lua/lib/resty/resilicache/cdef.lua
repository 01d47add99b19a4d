-- The declarations of resilicache.h, made by `python tools/cdef.py --lua`: what is changed here by hand is lost.
return { version = 1000, text = [[
uint32_t rcache_version(void);
int32_t rcache_has(const char *feature);
enum {
    RCACHE_OK = 0,
    RCACHE_E_INVALID = -1,
    RCACHE_E_NOMEM = -2,
    RCACHE_E_MISUSE = -3,
    RCACHE_E_FORKED = -4,
    RCACHE_E_CLOSED = -5,
    RCACHE_E_TIMEOUT = -6,
    RCACHE_E_CANCELED = -7,
    RCACHE_E_UNAVAILABLE = -8,
    RCACHE_E_AUTH = -9,
    RCACHE_E_SERVER = -10,
    RCACHE_E_PROTOCOL = -11,
    RCACHE_E_LOADER = -12,
    RCACHE_E_LOST = -13,
    RCACHE_E_LIMIT = -14,
    RCACHE_E_UNSUPPORTED = -15,
    RCACHE_E_TYPE = -16,
    RCACHE_E_QUEUED = -17,
    RCACHE_E_OUTDATED = -18
};
typedef struct rcache_error {
    int32_t status;
    char message[252];
} rcache_error;
const char *rcache_status_name(int32_t status);
int32_t rcache_status_retriable(int32_t status);
typedef struct rcache_options rcache_options;
typedef struct rcache_option_info {
    uint32_t struct_size;
    uint32_t reserved;
    const char *name;
    const char *type;
    const char *fallback;
    const char *range;
    const char *help;
} rcache_option_info;
rcache_options *rcache_options_new(void);
void rcache_options_free(rcache_options *options);
int32_t rcache_options_set(rcache_options *options, const char *name, const char *value, rcache_error *err);
int32_t rcache_options_describe(size_t index, rcache_option_info *info);
typedef struct rcache rcache;
int32_t rcache_open(const char *url, const rcache_options *options, rcache **cache, rcache_error *err);
void rcache_close(rcache *cache);
int32_t rcache_credentials(rcache *cache, const char *user, const char *password, rcache_error *err);
int32_t rcache_set_option(rcache *cache, const char *name, const char *value, rcache_error *err);
enum { RCACHE_SESSION_SIZE = 1044 };
int32_t rcache_session_token(rcache *cache, char *token, rcache_error *err);
int32_t rcache_session_join(rcache *cache, const char *token, rcache_error *err);
int32_t rcache_session_share(rcache *cache, rcache *with, rcache_error *err);
size_t rcache_stats(rcache *cache, char *text, size_t capacity);
typedef struct rcache_result rcache_result;
enum {
    RCACHE_FAILED = 0,
    RCACHE_HIT,
    RCACHE_LOADED,
    RCACHE_STALE,
    RCACHE_ABSENT,
    RCACHE_DONE
};
typedef struct rcache_value {
    const void *data;
    size_t size;
    int32_t outcome;
    int32_t status;
} rcache_value;
size_t rcache_result_values(const rcache_result *result, rcache_value *values, size_t capacity);
uint64_t rcache_result_fence(const rcache_result *result, size_t index);
const char *rcache_result_message(const rcache_result *result, size_t index);
int32_t rcache_result_status(const rcache_result *result, size_t *index);
void rcache_result_free(rcache_result *result);
typedef struct rcache_load rcache_load;
size_t rcache_load_count(const rcache_load *load);
const void *rcache_load_key(const rcache_load *load, size_t index, size_t *size);
size_t rcache_load_position(const rcache_load *load, size_t index);
uint64_t rcache_load_fence(const rcache_load *load);
int32_t rcache_load_wanted(const rcache_load *load);
int32_t rcache_load_primary(const rcache_load *load);
int32_t rcache_load_value(rcache_load *load, size_t index, const void *data, size_t size, int64_t ttl_ms);
int32_t rcache_load_absent(rcache_load *load, size_t index);
int32_t rcache_load_version(rcache_load *load, size_t index, uint64_t version);
int32_t rcache_load_fail(rcache_load *load, size_t index, const char *message);
int32_t rcache_load_fail_permanent(rcache_load *load, size_t index, const char *message);
void rcache_load_finish(rcache_load *load);
typedef struct rcache_op rcache_op;
enum {
    RCACHE_STRONG = 1,
    RCACHE_EVENTUAL = 2,
    RCACHE_INLINE = 4,
    RCACHE_RAW = 8,
    RCACHE_WAIT = 16,
    RCACHE_APART = 32,
    RCACHE_INTENT = 64
};
typedef struct rcache_call {
    uint32_t struct_size;
    uint32_t flags;
    int64_t deadline_ms;
    uint64_t version;
    const char *session;
} rcache_call;
rcache_op *rcache_op_fetch(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                      int64_t ttl_ms, const rcache_call *call);
rcache_op *rcache_op_get(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                    const rcache_call *call);
rcache_op *rcache_op_set(rcache *cache, const void *keys, const uint32_t *key_sizes, const void *values,
                                    const uint32_t *value_sizes, size_t count, int64_t ttl_ms, const rcache_call *call);
rcache_op *rcache_op_invalidate(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                           const rcache_call *call);
rcache_op *rcache_op_delete(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                       const rcache_call *call);
rcache_op *rcache_op_lock(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                     const void *owner, size_t owner_size, int64_t lease_ms, const rcache_call *call);
rcache_op *rcache_op_renew(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                      const void *owner, size_t owner_size, int64_t lease_ms, const rcache_call *call);
rcache_op *rcache_op_unlock(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                       const void *owner, size_t owner_size, const rcache_call *call);
rcache_op *rcache_op_update(rcache *cache, const void *key, size_t key_size, const void *owner,
                                       size_t owner_size, int64_t lease_ms, const rcache_call *call);
rcache_op *rcache_op_inspect(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                        const rcache_call *call);
void rcache_op_cancel(rcache_op *op);
void rcache_op_free(rcache_op *op);
enum {
    RCACHE_EVENT_NONE = 0,
    RCACHE_EVENT_DONE,
    RCACHE_EVENT_LOAD,
    RCACHE_EVENT_CONNECT,
    RCACHE_EVENT_SEND,
    RCACHE_EVENT_CLOSE,
    RCACHE_EVENT_LOST
};
typedef struct rcache_event {
    uint64_t tag;
    rcache_result *result;
    rcache_load *load;
    rcache_value value;
    int64_t wait_ms;
    uint32_t kind;
    uint32_t node;
} rcache_event;
int32_t rcache_op_wait(rcache_op *op, int64_t timeout_ms, rcache_event *event);
typedef void (*rcache_loader)(rcache_load *load, void *arg);
int32_t rcache_op_run(rcache_op *op, rcache_loader load, void *arg, rcache_result **result);
int32_t rcache_fetch(rcache *cache, const void *key, size_t size, int64_t ttl_ms, rcache_loader load,
                                void *arg, const rcache_call *call, rcache_result **result);
typedef struct rcache_queue rcache_queue;
int32_t rcache_queue_new(rcache *cache, rcache_queue **queue, rcache_error *err);
int rcache_queue_fd(const rcache_queue *queue);
void rcache_queue_submit(rcache_queue *queue, rcache_op *op, uint64_t tag);
void rcache_queue_submit_all(rcache_queue *queue, rcache_op *const *ops, const uint64_t *tags, size_t count);
size_t rcache_queue_drain(rcache_queue *queue, rcache_event *events, size_t capacity);
void rcache_queue_free(rcache_queue *queue);
typedef struct rcache_stepper rcache_stepper;
int32_t rcache_stepper_new(rcache *cache, rcache_stepper **stepper, rcache_error *err);
void rcache_stepper_submit(rcache_stepper *stepper, rcache_op *op, uint64_t tag);
size_t rcache_stepper_drain(rcache_stepper *stepper, rcache_event *events, size_t capacity);
int64_t rcache_stepper_wait_ms(const rcache_stepper *stepper);
void rcache_stepper_connected(rcache_stepper *stepper, uint32_t node, const char *facts);
size_t rcache_stepper_facts(const rcache_stepper *stepper, uint32_t node, char *text, size_t capacity);
size_t rcache_stepper_receive(rcache_stepper *stepper, uint32_t node, const void *data, size_t size);
int32_t rcache_stepper_idle(const rcache_stepper *stepper, uint32_t node);
void rcache_stepper_lost(rcache_stepper *stepper, uint32_t node, const char *why);
void rcache_stepper_free(rcache_stepper *stepper);
]] }
