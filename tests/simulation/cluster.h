/* cluster: the servers of a run that has several: which of them has which slots, and what the others say instead of
 * carrying a command out.  Slots move from one to another, key by key; a server without slots takes over from one that
 * has some.
 *
 * A key lies at one place at any time: what a move that broke down may leave behind on a real server is not in it. */
#ifndef RESILICACHE_TESTS_CLUSTER_H
#define RESILICACHE_TESTS_CLUSTER_H

#include "dice.h"
#include "event.h"

#include <stdint.h>

enum { MEMBERS_MAX = 4, SLOTS = 2, REFUSAL_MAX = 64 };

struct message;
struct process;

struct slot_state {
    uint32_t owner;
    uint32_t before;    /* who others than those two believe has it, */
    int64_t known_us;   /* until then */
    bool moving;
    uint32_t target;    /* where it goes */
    uint32_t hosts;     /* who had it in their present histories, as bits; */
    uint32_t outlived;  /* those of them since when a failover elsewhere may have forgotten something of it */
    struct event step;  /* the next key goes */
};

struct cluster {
    struct slot_state slots[SLOTS];
    struct event takeover; /* of all that `from` has; to be done at once, or when it has been missed for a while */
    uint32_t from, to, lost;
    uint64_t moves, refusals;
};

void cluster_init(struct world *world);
/* What the member says instead of carrying the command out; false: it does it. */
bool cluster_refuses(struct world *world, uint32_t member, const struct message *message, char refusal[REFUSAL_MAX]);
/* CLUSTER SLOTS, as the member knows it: backend/redis/where.h. */
struct blob *cluster_map(const struct world *world, uint32_t member);

/* A slot begins to move. */
void cluster_move(struct world *world, struct random *dice);
/* One takes over from another that is killed, or lives on.  */
void cluster_fail_over(struct world *world, struct random *dice, uint32_t lost, int64_t after_us);
/* The member is in another history. */
void cluster_begin_history(struct world *world, uint32_t member);
/* One that nothing is being done with; MEMBERS_MAX: there is none. */
uint32_t cluster_bystander(const struct world *world, struct random *dice);
/* What is to be done is done now. */
void cluster_hurry(struct world *world);

#endif
