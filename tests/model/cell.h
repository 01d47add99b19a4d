/* cell: the entry in the store, as the model sees it, and what each verb does to it.  rules_test.c holds these verbs to
 * those of the shipped backends. */
#ifndef RESILICACHE_TESTS_MODEL_CELL_H
#define RESILICACHE_TESTS_MODEL_CELL_H

#include "engine/verbs.h"
#include "model/rules.h"

#include <stdint.h>

enum { NO_VALUE = -1, NO_OWNER = 0 };

enum lease_state {
    UNLEASED, /* with a value: fresh; without: there is no entry */
    VOID,
    LEASED,
    ENDED,    /* the lease is past its end, and nobody has taken it over yet */
    LOCKED
};

/* How long a value that is no longer fresh may still be served. */
enum mark { UNMARKED, RUNNING, OVER };

struct cell {
    int8_t value;   /* the version of the row that it shows, or NO_VALUE */
    int8_t history; /* in which the value was stored */
    int8_t lease;   /* enum lease_state */
    int8_t owner;   /* token */
    int8_t mark;    /* enum mark */
};

struct ask {
    enum verb verb;
    int8_t owner;
    int8_t value;    /* PUT, SET */
    int8_t history;  /* of the server that is asked */
    int8_t previous; /* ACQUIRE: the token of the same request when it was sent before; NO_OWNER: it was not */
    bool intent;     /* LOCK */
};

struct answer {
    enum verdict verdict;
    int8_t value; /* FRESH; OWNED, BUSY, UNFRESH: stale; or NO_VALUE */
};

static const struct cell NO_CELL = { .value = NO_VALUE };

bool cell_fresh(const struct cell *cell, const struct rules *rules, int8_t history);
struct answer cell_ask(struct cell *cell, const struct rules *rules, const struct ask *ask);
/* As long as a stale value may be served has passed. */
void cell_age(struct cell *cell);

#endif
