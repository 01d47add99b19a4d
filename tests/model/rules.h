/* rules: what a protocol keeps to.  Ours keeps to all of them; each can be left out to show what it is there for, and
 * what other clients do is told by those that they do without. */
#ifndef RESILICACHE_TESTS_MODEL_RULES_H
#define RESILICACHE_TESTS_MODEL_RULES_H

#include <stdbool.h>

struct rules {
    bool leases;        /* who loads needs a lease.  Without: look, load, store; invalidating is deleting */
    bool looks_first;   /* a caller reads the entry before it joins others of its process */
    bool owner_stores;  /* a put needs the token of the lease */
    bool own_tokens;    /* each sending of an acquire has a token of its own */
    bool voids;         /* an invalidation takes the token away */
    bool accepted_only; /* strong: a value whose put was refused is not returned */
    bool joiners;       /* who joined too late for a result goes again */
    bool own_stale;     /* who joins is served the stale value that the flight was given, not what it saw itself */
    bool first_bounds;  /* how long a stale value is served counts from the first invalidation, not from the last */
    bool epoch;         /* a value of another history is not fresh */
    bool one_history;   /* a lease of another history can't store */
    bool unlock_always; /* unlock invalidates, though the lock had ended */
    bool lock_stays;    /* an invalidation leaves a writer's lock alone */
    bool lock_ends;     /* the lock of a writer that died ends by itself */
    bool lease_ends;    /* the lease of a loader that died ends by itself */
    bool renews;        /* the lease lives as long as its loader works */
    bool intents;       /* a lock with a write intent takes the value away */
    bool server_clock;  /* whether a lease has ended is told by the server's clock, not by the asker's */
};

#endif
