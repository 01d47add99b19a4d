/* steps: what can happen next in a state, each step with the state that it leads to and in words. */
#ifndef RESILICACHE_TESTS_MODEL_STEPS_H
#define RESILICACHE_TESTS_MODEL_STEPS_H

#include "model/breach.h"
#include "model/protocols.h"

enum { STEPS_MAX = 96, WORDS_MAX = 4 };

struct step {
    struct state to;
    bool fault; /* what need not happen */
    enum breach breach;
    const char *text;
    int words[WORDS_MAX];
};

struct steps {
    const struct setup *setup;
    size_t count;
    struct step list[STEPS_MAX];
};

/* Every step out of the state. */
void steps_find(struct steps *steps, const struct setup *setup, const struct state *state);

/* One more step, from the state; what it changes is the caller's. */
struct step *step_from(struct steps *steps, const struct state *state);
/* In words; % stands for the next number, @ for the next process' letter. */
void step_say(struct step *step, const char *text, int a, int b, int c);
/* Writes it out. */
void step_print(const struct step *step, char *out, size_t size);

/* The parts of steps_find. */
void steps_of_readers(struct steps *steps, const struct state *state);
void steps_of_flights(struct steps *steps, const struct state *state);
void steps_of_writers(struct steps *steps, const struct state *state);
void steps_of_faults(struct steps *steps, const struct state *state);

/* Between them: */

/* Whether a request can reach the node. */
bool node_answers(const struct state *state, int node);
/* A step in which the node carries the request out and answers; NULL where it can't. */
struct step *step_asks(struct steps *steps, const struct state *state, int node, const struct ask *ask,
                       struct answer *answer);
/* The reader gets the value and is done. */
void reader_returns(struct step *step, int reader, int8_t value, bool stale);
/* What came was not for it. */
void reader_looks_again(struct reader *reader);
/* It joins the flight of its process, or begins one. */
void reader_joins(struct step *step, const struct rules *rules, int reader);
/* The flight is over, and its token is used no more. */
void flight_close(struct state *state, int process);

#endif
