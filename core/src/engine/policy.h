/* policy: the options that the engine decides by.  Names and defaults: runtime/settings.c. */
#ifndef RESILICACHE_ENGINE_POLICY_H
#define RESILICACHE_ENGINE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

struct policy {
    int64_t delay_ms;
    int64_t empty_expire_ms;
    int64_t lock_expire_ms;
    int64_t lock_expire_max_ms;
    int64_t lock_sleep_ms;
    int64_t deadline_ms;
    uint32_t wait_replicas;
    int64_t wait_replicas_timeout_ms;
    double random_expire_adjustment;
    bool disable_cache_read;
    bool disable_cache_delete;
    bool strong_consistency;
};

#endif
