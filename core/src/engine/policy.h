/* policy: the options that the engine decides by.  Names and defaults: runtime/settings.c. */
#ifndef RESILICACHE_ENGINE_POLICY_H
#define RESILICACHE_ENGINE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* What a fetch does where no server answers; in the order of the option's choices. */
enum server_down {
    SERVER_DOWN_EVENTUAL, /* loads past the cache, in eventual mode */
    SERVER_DOWN_LOAD,     /* in both modes */
    SERVER_DOWN_FAIL      /* in none */
};

/* What becomes of a load that brought an older version than is known; in the order of the option's choices. */
enum on_outdated { ON_OUTDATED_RETRY, ON_OUTDATED_GIVE_UP };

struct policy {
    int64_t delay_ms;
    int64_t settle_ms;
    int64_t empty_expire_ms;
    int64_t lock_expire_ms;
    int64_t lock_expire_max_ms;
    int64_t lock_sleep_ms;
    int64_t deadline_ms;
    int64_t stale_while_revalidate_ms;
    int64_t stale_if_error_ms;
    int64_t soft_timeout_ms;
    int64_t hard_timeout_ms;
    int64_t retry_after_ms;
    int64_t retry_after_max_ms;
    uint32_t wait_replicas;
    int64_t wait_replicas_timeout_ms;
    double random_expire_adjustment;
    double early;
    double xfetch_beta;
    _Atomic bool disable_cache_read; /* these two may change at any time */
    _Atomic bool disable_cache_delete;
    bool strong_consistency;
    bool session_consistency;
    bool retry_after_shared;
    uint32_t server_down; /* enum server_down */
    uint32_t on_outdated; /* enum on_outdated */
    uint32_t down_loads_max;
};

#endif
