#include "resilicache.h"

/* Every status once: its name, and whether the same call may succeed later. */
#define STATUSES(X)     \
    X(OK, 0)            \
    X(E_INVALID, 0)     \
    X(E_NOMEM, 1)       \
    X(E_MISUSE, 0)      \
    X(E_FORKED, 0)      \
    X(E_CLOSED, 0)      \
    X(E_TIMEOUT, 1)     \
    X(E_CANCELED, 0)    \
    X(E_UNAVAILABLE, 1) \
    X(E_AUTH, 0)        \
    X(E_SERVER, 0)      \
    X(E_PROTOCOL, 0)    \
    X(E_LOADER, 0)      \
    X(E_LOST, 0)        \
    X(E_LIMIT, 0)       \
    X(E_UNSUPPORTED, 0) \
    X(E_TYPE, 0)        \
    X(E_QUEUED, 1)      \
    X(E_OUTDATED, 0)

const char *rcache_status_name(int32_t status) {
    switch (status) {
#define NAME(name, retriable) \
    case RCACHE_##name: return "RCACHE_" #name;
        STATUSES(NAME)
#undef NAME
    }
    return "RCACHE_E_UNKNOWN";
}

int32_t rcache_status_retriable(int32_t status) {
    switch (status) {
#define RETRIABLE(name, retriable) \
    case RCACHE_##name: return retriable;
        STATUSES(RETRIABLE)
#undef RETRIABLE
    }
    return 0;
}
