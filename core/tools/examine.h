/* examine: what a server says that it is, and what it does when it is asked: for `doctor`.  A refusal is an answer;
 * versions decide nothing. */
#ifndef RESILICACHE_TOOLS_EXAMINE_H
#define RESILICACHE_TOOLS_EXAMINE_H

#include "resilicache.h"

#include <stdbool.h>

enum capability { CAN_SCRIPT, CAN_LOAD, CAN_RESP3, CAN_TRACK, CAN_TELL_HISTORY, CAN_WAIT, CAN_UNLINK, CAPABILITIES };

enum { NUMBER_UNKNOWN = -1, FAILURE_SIZE = 256 };

struct examination {
    char failure[FAILURE_SIZE]; /* it can't be reached, or stopped answering; "": it answers */
    char address[300];
    char tls[80]; /* "": none */
    double certificate_days;
    bool can[CAPABILITIES];
    char refusals[CAPABILITIES][100]; /* in the server's words */
    double round_trip_ms;             /* of a hit: the median of some */
    double round_trip_most_ms;
    bool packed; /* how entries lie there */
    bool has_clock;
    double clock_ms; /* ahead of this machine's */
    /* From INFO and CONFIG; "" and NUMBER_UNKNOWN: not readable. */
    char info_refusal[100];
    char server[80];
    char mode[24];
    char role[24];
    char policy[32];
    char save[100];
    bool save_readable;
    int64_t replicas;
    int64_t memory_bytes;
    int64_t memory_max_bytes;
    int64_t evicted;
    int64_t appends; /* 0, 1: whether each write goes to a file */
    bool cluster;
    bool replica;
};

struct node;

/* The node has the key `scratch`, or would have: nobody uses it, and it is not made. */
void examine(rcache *cache, const struct node *node, const char *scratch, struct examination *found);

#endif
