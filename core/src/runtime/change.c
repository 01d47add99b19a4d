#include "runtime/change.h"

#include "base/error.h"
#include "runtime/cache.h"
#include "runtime/options.h"

/* Reads go past the cache before invalidations cease, and come back after them: else what is found may be old.  With
 * the engine locked. */
static int32_t set_reads(struct policy *policy, bool disabled, rcache_error *err) {
    if (!disabled && policy->disable_cache_delete)
        return error_set(err, RCACHE_E_MISUSE,
                         "fetches would find what was not invalidated meanwhile: set disable_cache_delete=no first, "
                         "everywhere, and flush or wait for the keys that were written");
    policy->disable_cache_read = disabled;
    return RCACHE_OK;
}

static int32_t set_deletes(struct policy *policy, bool disabled, rcache_error *err) {
    if (disabled && !policy->disable_cache_read)
        return error_set(err, RCACHE_E_MISUSE,
                         "fetches would find what is no longer invalidated: set disable_cache_read=yes first, "
                         "everywhere");
    policy->disable_cache_delete = disabled;
    return RCACHE_OK;
}

int32_t change_option(rcache *cache, const char *name, const char *value, rcache_error *err) {
    size_t index = 0;
    int32_t status = option_find(name, &index, err);
    if (status != RCACHE_OK)
        return status;
    struct settings read = { 0 };
    size_t offset = option_at(index)->offset;
    bool reads = offset == offsetof(struct settings, policy.disable_cache_read);
    bool deletes = offset == offsetof(struct settings, policy.disable_cache_delete);
    if (!reads && !deletes)
        return error_set(err, RCACHE_E_INVALID,
                         "'%s' can't be changed while the cache is open: open another; those that can are "
                         "disable_cache_read and disable_cache_delete",
                         name);
    status = option_store(index, value, &read, err);
    if (status != RCACHE_OK)
        return status;
    struct policy *policy = &cache->settings.policy;
    cache_lock_engine(cache);
    status = reads ? set_reads(policy, read.policy.disable_cache_read, err)
                   : set_deletes(policy, read.policy.disable_cache_delete, err);
    cache_unlock_engine(cache, NULL);
    return status;
}
