#include "resilicache.h"

#include "backend/redis/net/tls.h"

#include <string.h>

uint32_t rcache_version(void) {
    return RCACHE_VERSION;
}

int32_t rcache_has(const char *feature) {
    static const char *const features[] = { "memory",   "redis", "valkey", "unix", "cluster",
                                              "sentinel", "resp2", "resp3" };
    if (feature != NULL && strcmp(feature, "tls") == 0)
        return tls_built();
    for (size_t i = 0; feature != NULL && i < sizeof features / sizeof features[0]; i++)
        if (strcmp(feature, features[i]) == 0)
            return 1;
    return 0;
}
