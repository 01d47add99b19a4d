/* readers: a fetch up to where it joins its process' flight, and its end. */
#include "model/steps.h"

static int8_t newer(int8_t a, int8_t b) {
    return a > b ? a : b;
}

void reader_returns(struct step *step, int index, int8_t value, bool stale) {
    struct state *state = &step->to;
    struct reader *reader = &state->readers[index];
    if (stale ? value < reader->need_stale : value < reader->need)
        step->breach = stale ? TOO_STALE : TOO_OLD;
    if (reader->strong)
        state->returned = newer(state->returned, value);
    *reader = (struct reader){ .phase = READER_DONE };
}

void reader_looks_again(struct reader *reader) {
    reader->phase = READER_LOOKING;
    reader->saw = NO_VALUE;
    reader->asked = reader->before_load = false;
}

static void begin_flight(struct flight_state *flight, struct reader *reader, const struct rules *rules) {
    *flight = (struct flight_state){ .phase = rules->leases ? FLIGHT_ASKS : FLIGHT_OWNS, .given = NO_VALUE };
    reader->asked = true;
}

void reader_joins(struct step *step, const struct rules *rules, int index) {
    struct reader *reader = &step->to.readers[index];
    struct flight_state *flight = &step->to.flights[reader->process];
    if (flight->phase != NO_FLIGHT && !reader->strong && flight->stale_ok && reader->saw != NO_VALUE) {
        int8_t value = rules->own_stale ? flight->given : reader->saw;
        step_say(step, "reader % joins the flight in @ and is served its stale v%", index, reader->process, value);
        reader_returns(step, index, value, true);
        return;
    }
    reader->phase = READER_JOINED;
    reader->saw = NO_VALUE;
    if (flight->phase == NO_FLIGHT) {
        begin_flight(flight, reader, rules);
        step_say(step, "reader % begins a flight in @", index, reader->process, 0);
    } else {
        step_say(step, "reader % joins the flight in @", index, reader->process, 0);
    }
}

/* What the holder of a write intent has committed, in this history; 0: nothing. */
static int8_t intended(const struct setup *setup, const struct state *state) {
    const struct cell *cell = &state->nodes[state->primary];
    for (int i = 0; i < setup->writers && setup->protocol->intents && !setup->faults->failover; i++)
        if (cell->lease == LOCKED && cell->owner == writer_token(i))
            return state->writers[i].version;
    return 0;
}

static void begin(struct steps *steps, const struct state *state, int index, int8_t process, bool strong) {
    const struct rules *rules = &steps->setup->protocol->rules;
    struct step *step = step_from(steps, state);
    struct reader *reader = &step->to.readers[index];
    *reader = (struct reader){ .phase = READER_LOOKING, .process = process, .strong = strong, .saw = NO_VALUE };
    int8_t intent = intended(steps->setup, state);
    reader->need = newer(strong ? newer(state->acknowledged, state->returned) : state->acknowledged, intent);
    reader->need_stale = strong ? reader->need : newer(state->due, intent);
    if (!rules->looks_first) {
        reader->saw = 0; /* it is not particular about which stale value it is served */
        reader_joins(step, rules, index);
        return;
    }
    step_say(step, strong ? "reader % begins, strong, in @; it must get v% or newer" :
                            "reader % begins, eventual, in @; it must get v% or newer, or stale but within its time",
             index, process, reader->need);
}

static void begins(struct steps *steps, const struct state *state, int index) {
    const struct protocol *protocol = steps->setup->protocol;
    for (int8_t process = 0; process < steps->setup->processes; process++) {
        if (protocol->strong)
            begin(steps, state, index, process, true);
        if (protocol->eventual)
            begin(steps, state, index, process, false);
    }
}

static void looks(struct steps *steps, const struct state *state, int index) {
    const struct ask ask = { .verb = VERB_PEEK };
    for (int node = 0; node < NODES; node++) {
        struct answer answer;
        struct step *step = step_asks(steps, state, node, &ask, &answer);
        if (step == NULL)
            continue;
        if (answer.verdict == VERDICT_FRESH) {
            step_say(step, "reader % reads v% fresh and returns it", index, answer.value, 0);
            reader_returns(step, index, answer.value, false);
            continue;
        }
        struct reader *reader = &step->to.readers[index];
        reader->phase = READER_SAW;
        reader->saw = reader->strong ? NO_VALUE : answer.value;
        step_say(step, answer.verdict == VERDICT_MISS ? "reader % finds nothing" : "reader % finds v%, not fresh",
                 index, answer.value, 0);
    }
}

void steps_of_readers(struct steps *steps, const struct state *state) {
    bool began = false; /* those that have not begun are alike: the first of them begins */
    for (int i = 0; i < steps->setup->readers; i++)
        switch ((enum reader_phase)state->readers[i].phase) {
        case READER_IDLE:
            if (!began)
                begins(steps, state, i);
            began = true;
            break;
        case READER_LOOKING:
            looks(steps, state, i);
            break;
        case READER_SAW:
            reader_joins(step_from(steps, state), &steps->setup->protocol->rules, i);
            break;
        case READER_JOINED:
        case READER_DONE:
            break;
        }
}
