#include "runtime/dial.h"

#include "runtime/cache.h"

struct connection *dial(struct rcache *cache, const struct node *node, bool track, rcache_error *err) {
    const struct settings *settings = &cache->settings;
    struct identity identity;
    if (credentials_take(&cache->credentials, settings, &identity, err) != RCACHE_OK)
        return NULL;
    struct connection_target target = { .host = node->address.host,
                                        .port = node->address.port,
                                        .trust = cache->trust,
                                        .timeout_ms = settings->connect_timeout_ms,
                                        .handshake = node_handshake(node, settings, &identity, track) };
    struct connection *connection = connection_open(&target, err);
    identity_clear(&identity);
    return connection;
}
