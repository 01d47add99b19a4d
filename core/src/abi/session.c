/* session: what a handle has written, for its own reads and, as a token, for those of another. */
#include "abi/handle.h"

#include "base/clock.h"
#include "base/error.h"

_Static_assert((int)RCACHE_SESSION_SIZE == (int)SESSION_TOKEN_SIZE + 1, "the longest token and its NUL");

bool is_in_session(struct rcache *cache, const struct op *op) {
    if (cache->session == NULL || op->kind != OP_FETCH)
        return false;
    int64_t now_ms = clock_now_ms();
    bool holds = false;
    pthread_mutex_lock(&cache->session->lock);
    for (size_t i = 0; i < op->count && !holds; i++)
        holds = session_holds(&cache->session->session, op->slots[i].request.key, now_ms);
    pthread_mutex_unlock(&cache->session->lock);
    return holds;
}

bool is_in_token(const char *token, const struct op *op) {
    if (token == NULL)
        return false;
    int64_t day_ms = clock_day_us() / 1000;
    bool holds = false;
    for (size_t i = 0; i < op->count && !holds; i++)
        holds = session_text_holds(slice_of_text(token), op->slots[i].request.key, day_ms);
    return holds;
}

int32_t error_of_token(rcache_error *err) {
    return error_set(err, RCACHE_E_INVALID, "this is no token of a session: pass rcache_session_token's on");
}

/* Also where it is not told that all is well: its lock was lost, or too few replicas had it in time. */
static bool has_written(int32_t status) {
    return status == RCACHE_OK || status == RCACHE_E_LOST || status == RCACHE_E_TIMEOUT;
}

void note_in_session(struct rcache *cache, const struct op *op) {
    bool writes = op->kind == OP_INVALIDATE || op->kind == OP_UNLOCK || op->kind == OP_UPDATE ||
                  op->kind == OP_DELETE || (op->kind == OP_SET && !op->raw);
    if (cache->session == NULL || !writes)
        return;
    int64_t now_ms = clock_now_ms();
    pthread_mutex_lock(&cache->session->lock);
    for (size_t i = 0; i < op->count; i++)
        if (has_written(op->slots[i].status))
            session_note(&cache->session->session, op->slots[i].request.key, &cache->settings.policy, now_ms);
    pthread_mutex_unlock(&cache->session->lock);
}

static int32_t check(rcache *cache, rcache_error *err) {
    if (cache == NULL)
        return error_set(err, RCACHE_E_INVALID, "`cache` is NULL");
    if (cache_forked(cache))
        return error_of_fork(err);
    if (cache->session == NULL)
        return error_set(err, RCACHE_E_MISUSE, "the cache has no session: open it with session_consistency=yes");
    return RCACHE_OK;
}

static int32_t check_both(rcache *cache, const char *text, rcache_error *err) {
    if (text == NULL)
        return error_set(err, RCACHE_E_INVALID, "`token` is NULL");
    return check(cache, err);
}

int32_t rcache_session_token(rcache *cache, char *token, rcache_error *err) {
    int32_t status = check_both(cache, token, err);
    if (status != RCACHE_OK)
        return status;
    pthread_mutex_lock(&cache->session->lock);
    size_t size = session_write(&cache->session->session, token, clock_now_ms(), clock_day_us() / 1000);
    pthread_mutex_unlock(&cache->session->lock);
    token[size] = '\0';
    return RCACHE_OK;
}

int32_t rcache_session_join(rcache *cache, const char *token, rcache_error *err) {
    int32_t status = check_both(cache, token, err);
    if (status != RCACHE_OK)
        return status;
    pthread_mutex_lock(&cache->session->lock);
    bool joined = session_join(&cache->session->session, slice_of_text(token), &cache->settings.policy, clock_now_ms(),
                               clock_day_us() / 1000);
    pthread_mutex_unlock(&cache->session->lock);
    if (!joined)
        return error_of_token(err);
    return RCACHE_OK;
}

int32_t rcache_session_share(rcache *cache, rcache *with, rcache_error *err) {
    int32_t status = check(cache, err);
    if (status == RCACHE_OK)
        status = check(with, err);
    if (status != RCACHE_OK)
        return status;
    if (stripes_calls(cache) > 0)
        return error_set(err, RCACHE_E_MISUSE, "the cache has been used: share a session before its first call");
    struct common_session *own = cache->session;
    cache->session = common_session_hold(with->session);
    common_session_drop(own);
    return RCACHE_OK;
}
