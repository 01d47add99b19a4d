/* protocols: what is searched: who keeps to which rules, what may go wrong, and how many take part. */
#ifndef RESILICACHE_TESTS_MODEL_PROTOCOLS_H
#define RESILICACHE_TESTS_MODEL_PROTOCOLS_H

#include "model/rules.h"
#include "model/state.h"

#include <stddef.h>

struct bounds {
    int readers; /* each fetches once; which three do it, or one three times, is the same */
    int writers;
    int processes;
};

struct protocol {
    const char *name;
    struct rules rules;
    bool ours;
    bool strong;      /* readers may be strong, */
    bool eventual;    /* may be eventual */
    bool invalidates; /* writers may commit and invalidate, */
    bool locks;       /* may lock, commit and unlock, */
    bool intents;     /* with write intents */
    struct bounds bounds;
    struct bounds long_bounds;
};

struct faults {
    const char *name;
    struct budget budget;
    bool slow_loads;       /* a load takes longer than a lease */
    bool fast_clock;       /* a client's clock is ahead */
    bool failover;         /* the replica takes over, as far as it has got */
    bool wait_replicas;    /* an invalidation is acknowledged once the replica has it */
    bool split_brain;      /* the old primary still answers */
    bool lagging_database; /* loads may read a replica of the database */
    bool no_excuse;        /* nothing happens that excuses a load beside another, or on a locked key */
    bool outside;          /* of what we promise */
    int readers_max;       /* where all that take part are too many; 0: all.  In a long search one more */
    int writers_max;
};

struct setup {
    const struct protocol *protocol;
    const struct faults *faults;
    int readers;
    int writers;
    int processes;
};

/* A rule of ours, and where it shows that it is left out. */
struct omission {
    const char *name;
    size_t rule; /* offset in struct rules */
    const struct protocol *protocol;
    const struct faults *faults;
};

enum { PROTOCOL_COUNT = 9, FAULTS_COUNT = 16, OMISSION_COUNT = 16 };
extern const struct protocol PROTOCOLS[PROTOCOL_COUNT];
extern const struct faults FAULTS[FAULTS_COUNT];
extern const struct omission OMISSIONS[OMISSION_COUNT];

struct setup setup_of(const struct protocol *protocol, const struct faults *faults, bool at_length);

#endif
