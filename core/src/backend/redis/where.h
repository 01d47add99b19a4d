/* where: what servers say of where keys are: redirections in errors, and maps.
 *
 * A map is a text, whichever server it came from: a line for each range of slots, "first last host port", with the
 * primary's replicas behind it as further pairs of host and port.  A Sentinel's master has all the slots.  An empty
 * host, written "-", is that of the server that was asked. */
#ifndef RESILICACHE_BACKEND_REDIS_WHERE_H
#define RESILICACHE_BACKEND_REDIS_WHERE_H

#include "backend/redis/redis.h"

enum detour_kind {
    DETOUR_NONE,  /* the error says nothing of that */
    DETOUR_MOVED, /* the slot is another node's */
    DETOUR_ASK,   /* for this once */
    DETOUR_LATER  /* the same again after a while: a slot on its way, a primary to be elected, a server that starts */
};

struct detour {
    enum detour_kind kind;
    uint16_t slot;
    struct slice host; /* part of the error; empty: the server's own */
    uint16_t port;
};

struct detour detour_read(struct slice error);

/* The map in the reply to CLUSTER SLOTS, or to SENTINEL GET-MASTER-ADDR-BY-NAME; NULL: there is none in it. */
struct blob *map_of_cluster(const struct resp *resp);
struct blob *map_of_sentinel(const struct resp *resp);

struct map_server {
    struct slice host; /* empty: the server's that was asked */
    uint16_t port;
};

struct map_range {
    uint16_t first;
    uint16_t last;
    struct map_server primary;
    struct slice replicas; /* the rest of the line, for map_next_server */
};

/* The next line of a map, which is taken from it; false: none is left, or it makes no sense. */
bool map_next_range(struct slice *map, struct map_range *range);
bool map_next_server(struct slice *line, struct map_server *server);

#endif
