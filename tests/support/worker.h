/* worker: what a program with sockets of its own does with the stepping driver, on one thread, with poll. */
#ifndef RESILICACHE_TESTS_WORKER_H
#define RESILICACHE_TESTS_WORKER_H

#include "support/scene.h"

enum { WORKER_NODES_MAX = 16, WORKER_OPS_MAX = 256 };

struct worker_node {
    uint32_t node; /* 0: none */
    int fd;
    char facts[64]; /* in the pool: what is known of it */
};

struct worker {
    rcache *cache;
    rcache_stepper *stepper;
    struct database database;
    struct worker_node nodes[WORKER_NODES_MAX];
    struct worker_node pooled; /* fd 0: none */
    size_t connected;    /* connections made so far */
    size_t closed;       /* CLOSE events */
    size_t cut;          /* bytes handed over at once; 0: all that there are */
    size_t missing_most; /* the most that rcache_stepper_receive returned */
    bool keep_loads;     /* into `loads`, instead of running them */
    rcache_load *loads[WORKER_OPS_MAX];
    size_t load_count;
    size_t done;
    struct answer answers[WORKER_OPS_MAX]; /* by tag */
    size_t sizes[WORKER_OPS_MAX];          /* of the values */
};

/* A socket that is connected to what a CONNECT event says, or -1. */
int worker_dial(const rcache_value *url);

void worker_open(struct worker *worker, const char *options);
void worker_close(struct worker *worker);
void worker_fetch(struct worker *worker, const char *key, uint64_t tag, const rcache_call *call);
/* Drains and does what is asked for; if that is nothing, waits for bytes for at most wait_ms. */
void worker_turn(struct worker *worker, int wait_ms);
/* Until so many ops are done; fails the test after ten seconds. */
void worker_run(struct worker *worker, size_t done);
/* The connection goes to the pool, from where the next one is taken. */
void worker_give_back(struct worker *worker);
/* Ends all connections, as a server does that goes away. */
void worker_cut_off(struct worker *worker);

#endif
