/* settings: what a URL and options say, in numbers.  One table has every option: name, type, default, range, help. */
#ifndef RESILICACHE_RUNTIME_SETTINGS_H
#define RESILICACHE_RUNTIME_SETTINGS_H

#include "backend/redis/handshake.h"
#include "backend/redis/net/trust.h"
#include "engine/policy.h"
#include "runtime/breaker.h"
#include "resilicache.h"

enum scheme { SCHEME_MEMORY, SCHEME_REDIS, SCHEME_UNIX, SCHEME_CLUSTER, SCHEME_SENTINEL };

/* In the order of the options' choices. */
enum failover { FAILOVER_DISTRUST, FAILOVER_TRUST };
enum layout { LAYOUT_HASH, LAYOUT_PACKED };

enum invalidate_errors { INVALIDATE_ERRORS_QUEUE, INVALIDATE_ERRORS_FAIL }; /* likewise */

struct address {
    char *host;    /* or the path of a unix socket */
    uint16_t port; /* 0: of a unix socket */
};

struct endpoint {
    enum scheme scheme;
    bool tls;
    struct address first;
    struct address *more; /* CLUSTER, SENTINEL: others that may be asked */
    size_t more_count;
    char *master;   /* SENTINEL: the name of what is watched */
    char *username; /* NULL: none */
    char *password; /* NULL: none; never printed */
    int32_t database;
};

/* Of the options; "": not set. */
struct login {
    char *user;
    char *user_env; /* names of environment variables */
    char *password; /* never printed */
    char *password_env;
    char *password_file;
};

struct settings {
    struct policy policy;
    struct endpoint endpoint;
    struct login login;
    struct trust_options trust;
    char *prefix; /* "" : none */
    int64_t op_timeout_ms;
    int64_t connect_timeout_ms;
    struct breaker_rules breaker;
    uint32_t invalidate_errors; /* enum invalidate_errors */
    uint32_t journal_max;
    char *journal_file; /* "": none */
    uint32_t failover; /* enum failover */
    uint32_t layout;   /* enum layout */
    bool replica_reads;
    int64_t topology_refresh_ms;
    char *sentinel_username; /* "" : none */
    char *sentinel_password;
    uint32_t connections;
    uint32_t resp; /* 3: with fall-back to 2; or 2 */
    uint64_t memory_max_bytes; /* 0: unbounded */
};

/* Defaults, then the URL (its query is options), then `options` (may be NULL): each over the one before.
 * On failure *settings holds nothing, and *err says what is wrong, with no password in it. */
int32_t settings_make(const char *url, const rcache_options *options, struct settings *settings, rcache_error *err);
void settings_clear(struct settings *settings);

#endif
