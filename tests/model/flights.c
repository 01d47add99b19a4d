/* flights: what those who wait together do: acquire, load, put, wait, and who is given what (engine/flight.c). */
#include "model/steps.h"

struct crew {
    struct steps *steps;
    const struct state *state;
    const struct rules *rules;
    int process;
};

static bool waits_in(const struct state *state, int reader, int process) {
    return state->readers[reader].phase == READER_JOINED && state->readers[reader].process == process;
}

static bool anyone_waits(const struct state *state, int process, bool unasked) {
    for (int i = 0; i < READERS_MAX; i++)
        if (waits_in(state, i, process) && !(unasked && state->readers[i].asked))
            return true;
    return false;
}

void flight_close(struct state *state, int process) {
    state->flights[process] = (struct flight_state){ .phase = NO_FLIGHT };
    state_retire_token(state, flight_token(process));
    state_forget_tokens(state);
}

/* A request is sent: those who wait by now are in time for its answer. */
static void note_asked(struct state *state, int process) {
    for (int i = 0; i < READERS_MAX; i++)
        if (waits_in(state, i, process))
            state->readers[i].asked = true;
}

static void note_load(struct state *state, int process) {
    for (int i = 0; i < READERS_MAX; i++)
        if (waits_in(state, i, process))
            state->readers[i].before_load = true;
}

enum outcome { OUTCOME_FRESH, OUTCOME_STORED, OUTCOME_REFUSED, OUTCOME_NONE };

static bool may_take(const struct reader *reader, enum outcome outcome, const struct rules *rules) {
    switch (outcome) {
    case OUTCOME_FRESH:
    case OUTCOME_STORED:
        return reader->asked || !rules->joiners;
    case OUTCOME_REFUSED:
        if (reader->strong && rules->accepted_only)
            return false;
        return reader->before_load || !rules->joiners;
    case OUTCOME_NONE:
        return false;
    }
    return false;
}

static void deliver(const struct crew *crew, struct step *step, enum outcome outcome, int8_t value) {
    struct state *state = &step->to;
    flight_close(state, crew->process);
    for (int i = 0; i < READERS_MAX; i++) {
        struct reader *reader = &state->readers[i];
        if (!waits_in(state, i, crew->process))
            continue;
        if (may_take(reader, outcome, crew->rules))
            reader_returns(step, i, value, false);
        else
            reader_looks_again(reader);
    }
}

/* Whether someone is at work under the lease that the entry shows, or under a lock that it ought to show. */
static bool at_work(const struct crew *crew, int node) {
    const struct setup *setup = crew->steps->setup;
    const struct cell *cell = &crew->state->nodes[node];
    for (int i = 0; i < setup->processes; i++) {
        int8_t phase = crew->state->flights[i].phase;
        bool loads = phase == FLIGHT_OWNS || phase == FLIGHT_HAS;
        if (loads && cell->lease != VOID && cell->owner == flight_token(i))
            return true;
    }
    for (int i = 0; i < setup->writers; i++) {
        int8_t phase = crew->state->writers[i].phase;
        if (crew->state->writers[i].locks && (phase == WRITER_COMMITS || phase == WRITER_INVALIDATES))
            return true;
    }
    return false;
}

static void acquires(const struct crew *crew, int node) {
    const struct ask ask = { .verb = VERB_ACQUIRE,
                             .owner = flight_token(crew->process),
                             .previous = crew->state->flights[crew->process].previous };
    struct answer answer;
    struct step *step = step_asks(crew->steps, crew->state, node, &ask, &answer);
    if (step == NULL)
        return;
    struct flight_state *flight = &step->to.flights[crew->process];
    flight->phase = FLIGHT_ANSWERED;
    flight->previous = NO_OWNER;
    state_forget_tokens(&step->to);
    flight->verdict = (int8_t)answer.verdict;
    flight->given = answer.value;
    flight->history = answer.verdict == VERDICT_OWNED ? (int8_t)node : 0;
    flight->stale_ok = answer.verdict != VERDICT_FRESH && answer.value != NO_VALUE;
    if (answer.verdict == VERDICT_OWNED && crew->steps->setup->faults->no_excuse && at_work(crew, node))
        step->breach = BESIDE;
    step_say(step, answer.verdict == VERDICT_FRESH   ? "@ asks for the lease: v% is fresh" :
                   answer.verdict == VERDICT_BUSY    ? "@ asks for the lease: another has it" :
                                                       "@ asks for the lease and owns it",
             crew->process, answer.value, 0);
}

/* True: someone was. */
static bool serve_stale(const struct crew *crew, struct step *step, int8_t value) {
    bool served = false;
    for (int i = 0; i < READERS_MAX; i++) {
        struct reader *reader = &step->to.readers[i];
        if (!waits_in(&step->to, i, crew->process) || reader->strong || !reader->asked || value == NO_VALUE)
            continue;
        reader_returns(step, i, value, true);
        served = true;
    }
    return served;
}

/* Behind the flight's back, but at once: nothing depends on when it is given back. */
static void give_back(const struct crew *crew, struct step *step) {
    const struct ask ask = { .verb = VERB_RELEASE, .owner = flight_token(crew->process) };
    for (int node = 0; node < NODES; node++)
        if (node_answers(&step->to, node))
            cell_ask(&step->to.nodes[node], crew->rules, &ask);
}

static void takes_answer(const struct crew *crew) {
    struct step *step = step_from(crew->steps, crew->state);
    struct flight_state *flight = &step->to.flights[crew->process];
    int8_t value = flight->given;
    if (flight->verdict == VERDICT_FRESH) {
        step_say(step, "@ hears of it and gives out v%", crew->process, value, 0);
        deliver(crew, step, OUTCOME_FRESH, value);
        return;
    }
    bool owns = flight->verdict == VERDICT_OWNED;
    flight->verdict = 0;
    flight->phase = owns ? FLIGHT_OWNS : FLIGHT_WAITS;
    bool served = serve_stale(crew, step, value);
    step_say(step, served ? "@ hears of it and serves v% stale" : "@ hears of it", crew->process, value, 0);
    if (owns && !served && !anyone_waits(&step->to, crew->process, false)) {
        give_back(crew, step);
        deliver(crew, step, OUTCOME_NONE, NO_VALUE);
    }
}

static void loads(const struct crew *crew, int8_t value, const char *text) {
    struct step *step = step_from(crew->steps, crew->state);
    struct flight_state *flight = &step->to.flights[crew->process];
    flight->phase = FLIGHT_HAS;
    flight->loaded = value;
    note_load(&step->to, crew->process);
    step_say(step, text, crew->process, value, 0);
}

static void owns(const struct crew *crew) {
    loads(crew, crew->state->database, "@ loads v% from the database");
    if (crew->state->replica < crew->state->database)
        loads(crew, crew->state->replica, "@ loads v% from a lagging replica of the database");
}

static void renews(const struct crew *crew) {
    for (int node = 0; node < NODES; node++) {
        const struct cell *cell = &crew->state->nodes[node];
        if (cell->lease != ENDED || cell->owner != flight_token(crew->process) || !crew->rules->renews)
            continue;
        const struct ask ask = { .verb = VERB_RENEW, .owner = flight_token(crew->process) };
        struct answer answer;
        struct step *step = step_asks(crew->steps, crew->state, node, &ask, &answer);
        if (step != NULL)
            step_say(step, "@ renews its lease", crew->process, 0, 0);
    }
}

static void sends_put(const struct crew *crew) {
    struct step *step = step_from(crew->steps, crew->state);
    step->to.flights[crew->process].phase = FLIGHT_PUTS;
    note_asked(&step->to, crew->process);
    step_say(step, "@ sends its put", crew->process, 0, 0);
}

static void stores(const struct crew *crew, int node) {
    const struct flight_state *before = &crew->state->flights[crew->process];
    bool foreign = crew->rules->one_history && before->history != node;
    const struct ask ask = { .verb = VERB_PUT,
                             .owner = foreign ? NO_OWNER : flight_token(crew->process),
                             .value = before->loaded };
    struct answer answer;
    struct step *step = step_asks(crew->steps, crew->state, node, &ask, &answer);
    if (step == NULL)
        return;
    struct flight_state *flight = &step->to.flights[crew->process];
    flight->phase = FLIGHT_TOLD;
    flight->verdict = (int8_t)answer.verdict;
    step_say(step, answer.verdict == VERDICT_STORED ? "@'s put of v% is carried out: stored" :
                                                      "@'s put of v% is carried out: refused",
             crew->process, before->loaded, 0);
}

static void is_told(const struct crew *crew) {
    const struct flight_state *flight = &crew->state->flights[crew->process];
    struct step *step = step_from(crew->steps, crew->state);
    bool stored = flight->verdict == VERDICT_STORED;
    step_say(step, stored ? "@ hears of it and gives out v% to all who are in time" :
                            "@ hears of it and gives out v% to whom it may",
             crew->process, flight->loaded, 0);
    deliver(crew, step, stored ? OUTCOME_STORED : OUTCOME_REFUSED, flight->loaded);
}

static bool held(const struct state *state) {
    for (int node = 0; node < NODES; node++) {
        int8_t lease = state->nodes[node].lease;
        if (node_answers(state, node) && (lease == LEASED || lease == LOCKED))
            return true;
    }
    return false;
}

/* Until the key has changed or its lease has ended, or someone waits who might be served something stale. */
static void waits(const struct crew *crew) {
    if (!anyone_waits(crew->state, crew->process, false)) {
        struct step *step = step_from(crew->steps, crew->state);
        flight_close(&step->to, crew->process);
        step_say(step, "@ has nobody left who waits", crew->process, 0, 0);
        return;
    }
    if (held(crew->state) && !anyone_waits(crew->state, crew->process, true))
        return;
    struct step *step = step_from(crew->steps, crew->state);
    step->to.flights[crew->process].phase = FLIGHT_ASKS;
    note_asked(&step->to, crew->process);
    step_say(step, "@ asks again", crew->process, 0, 0);
}

/* At whichever server answers. */
static void everywhere(const struct crew *crew, void (*act)(const struct crew *crew, int node)) {
    for (int node = 0; node < NODES; node++)
        act(crew, node);
}

void steps_of_flights(struct steps *steps, const struct state *state) {
    struct crew crew = { steps, state, &steps->setup->protocol->rules, 0 };
    for (; crew.process < steps->setup->processes; crew.process++)
        switch ((enum flight_phase)state->flights[crew.process].phase) {
        case NO_FLIGHT:
            break;
        case FLIGHT_ASKS:
            everywhere(&crew, acquires);
            break;
        case FLIGHT_ANSWERED:
            takes_answer(&crew);
            break;
        case FLIGHT_OWNS:
            owns(&crew);
            renews(&crew);
            break;
        case FLIGHT_HAS:
            sends_put(&crew);
            renews(&crew);
            break;
        case FLIGHT_PUTS:
            everywhere(&crew, stores);
            break;
        case FLIGHT_TOLD:
            is_told(&crew);
            break;
        case FLIGHT_WAITS:
            waits(&crew);
            break;
        }
}
