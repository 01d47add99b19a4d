#include "abi/handle.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "runtime/change.h"
#include "runtime/health.h"

#include <string.h>

int32_t rcache_open(const char *url, const rcache_options *options, rcache **cache, rcache_error *err) {
    rcache_error ignored = RCACHE_ERROR_INIT;
    err = err != NULL ? err : &ignored;
    *err = (rcache_error)RCACHE_ERROR_INIT;
    if (cache == NULL)
        return error_set(err, RCACHE_E_INVALID, "rcache_open: `cache` is NULL, there is no place for the handle");
    *cache = NULL;
    struct settings settings;
    int32_t status = settings_make(url, options, &settings, err);
    return status == RCACHE_OK ? cache_new(&settings, cache, err) : status;
}

void rcache_close(rcache *cache) {
    if (cache != NULL)
        cache_close(cache);
}

int32_t error_of_fork(rcache_error *err) {
    return error_set(err, RCACHE_E_FORKED, "the cache was opened before a fork: open a new one in the child process");
}

int32_t rcache_credentials(rcache *cache, const char *user, const char *password, rcache_error *err) {
    if (cache == NULL)
        return error_set(err, RCACHE_E_INVALID, "rcache_credentials: `cache` is NULL");
    if (cache_forked(cache))
        return error_of_fork(err);
    const char *const texts[] = { user, password };
    for (size_t i = 0; i < 2; i++)
        if (texts[i] != NULL && strlen(texts[i]) > CREDENTIAL_SIZE_MAX)
            return error_set(err, RCACHE_E_INVALID, "the %s is longer than 64 KiB", i == 0 ? "user" : "password");
    return credentials_give(&cache->credentials, user, password, err);
}

int32_t rcache_set_option(rcache *cache, const char *name, const char *value, rcache_error *err) {
    if (cache == NULL)
        return error_set(err, RCACHE_E_INVALID, "rcache_set_option: `cache` is NULL");
    if (cache_forked(cache))
        return error_of_fork(err);
    return change_option(cache, name, value, err);
}

static void add_line(struct buffer *lines, const char *name, uint64_t number) {
    char digits[TEXT_NUMBER_SIZE];
    buffer_append_text(lines, name);
    buffer_append_text(lines, " ");
    buffer_append_text(lines, text_of_number(digits, (int64_t)number));
    buffer_append_text(lines, "\n");
}

size_t rcache_stats(rcache *cache, char *text, size_t capacity) {
    struct buffer lines = BUFFER_INIT;
    if (cache != NULL && !cache_forked(cache)) {
        struct counters counters;
        stripes_count(cache, &counters);
        add_line(&lines, "calls", stripes_calls(cache));
#define COUNTER_LINE(name) add_line(&lines, #name, counters.name);
        COUNTERS(COUNTER_LINE)
#undef COUNTER_LINE
        add_line(&lines, "servers_down", health_down(&cache->topology));
        add_line(&lines, "journal_depth", cache->journal.depth);
        add_line(&lines, "journal_doubt_ms", (uint64_t)doubt_left_ms(&cache->journal.doubt));
        if (cache->memory != NULL) {
            add_line(&lines, "memory_bytes", memory_bytes(cache->memory));
            add_line(&lines, "memory_entries", memory_entries(cache->memory));
        }
    }
    size_t size = lines.size, fits = size < capacity ? size : capacity > 0 ? capacity - 1 : 0;
    if (text != NULL && capacity > 0) {
        if (fits > 0)
            memcpy(text, buffer_slice(&lines).data, fits);
        text[fits] = '\0';
    }
    buffer_clear(&lines);
    return size;
}
