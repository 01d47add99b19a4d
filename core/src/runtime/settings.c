#include "runtime/settings.h"

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/options.h"
#include "runtime/url.h"

#include <inttypes.h>
#include <string.h>

static int32_t apply_defaults(struct settings *settings, rcache_error *err) {
    int32_t status = RCACHE_OK;
    for (size_t i = 0; i < OPTION_COUNT && status == RCACHE_OK; i++)
        status = option_store(i, option_at(i)->fallback, settings, err);
    return status;
}

static int32_t apply_pairs(const struct url *url, struct settings *settings, rcache_error *err) {
    int32_t status = RCACHE_OK;
    const char *at = url->pairs;
    for (size_t i = 0; i < url->pair_count && status == RCACHE_OK; i++) {
        const char *value = at + strlen(at) + 1;
        size_t index = 0;
        status = option_find(at, &index, err);
        if (status == RCACHE_OK)
            status = option_store(index, value, settings, err);
        at = value + strlen(value) + 1;
    }
    return status;
}

static int32_t apply_options(const rcache_options *options, struct settings *settings, rcache_error *err) {
    int32_t status = RCACHE_OK;
    for (size_t i = 0; options != NULL && i < OPTION_COUNT && status == RCACHE_OK; i++)
        if (options->values[i] != NULL)
            status = option_store(i, options->values[i], settings, err);
    return status;
}

static int32_t check_order(const char *shorter, int64_t shorter_ms, const char *longer, int64_t longer_ms,
                           rcache_error *err) {
    if (shorter_ms <= longer_ms)
        return RCACHE_OK;
    return error_set(err, RCACHE_E_INVALID,
                     "'%s' is %" PRId64 "ms, longer than '%s' with its %" PRId64 "ms; lower the one or raise the other",
                     shorter, shorter_ms, longer, longer_ms);
}

/* What each option's own range can't say. */
static int32_t check_together(const struct settings *settings, rcache_error *err) {
    const struct policy *policy = &settings->policy;
    if (settings->trust.key[0] != '\0' && settings->trust.certificate[0] == '\0')
        return error_set(err, RCACHE_E_INVALID, "'tls_key' is set without 'tls_certificate', whose key it is");
    if (policy->session_consistency && settings->replica_reads)
        return error_set(err, RCACHE_E_INVALID, "'session_consistency' and 'replica_reads' exclude each other: a "
                                                "replica may lack what was written just now");
    int32_t status = check_order("lock_expire", policy->lock_expire_ms, "lock_expire_max",
                                 policy->lock_expire_max_ms, err);
    if (status == RCACHE_OK && policy->hard_timeout_ms > 0)
        status = check_order("soft_timeout", policy->soft_timeout_ms, "hard_timeout", policy->hard_timeout_ms, err);
    if (status == RCACHE_OK)
        status = check_order("retry_after", policy->retry_after_ms, "retry_after_max", policy->retry_after_max_ms, err);
    if (status == RCACHE_OK && policy->wait_replicas > 0)
        status = check_order("wait_replicas_timeout", policy->wait_replicas_timeout_ms, "deadline",
                             policy->deadline_ms, err);
    return status;
}

int32_t settings_make(const char *url_text, const rcache_options *options, struct settings *settings,
                      rcache_error *err) {
    *settings = (struct settings){ 0 };
    struct url url;
    int32_t status = url_parse(url_text, &url, err);
    if (status != RCACHE_OK)
        return status;
    settings->endpoint = url.endpoint;
    status = apply_defaults(settings, err);
    if (status == RCACHE_OK)
        status = apply_pairs(&url, settings, err);
    if (status == RCACHE_OK)
        status = apply_options(options, settings, err);
    if (status == RCACHE_OK)
        status = check_together(settings, err);
    mem_free(url.pairs); /* the endpoint went to the settings */
    if (status != RCACHE_OK)
        settings_clear(settings);
    return status;
}

void settings_clear(struct settings *settings) {
    endpoint_clear(&settings->endpoint);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        option_clear(i, settings);
    *settings = (struct settings){ 0 };
}
