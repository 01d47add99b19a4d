#include "model/state.h"

#include <string.h>

_Static_assert(_Alignof(struct state) == 1, "bytes without padding");

void state_init(struct state *state, int readers) {
    memset(state, 0, sizeof *state);
    state->old_answers = true;
    for (int i = readers; i < READERS_MAX; i++)
        state->readers[i].phase = READER_DONE;
    for (int i = 0; i < NODES; i++)
        state->nodes[i] = (struct cell){ .value = 0 }; /* version 0 is cached */
}

static void rename_token(struct state *state, int8_t from, int8_t to) {
    for (int i = 0; i < NODES; i++)
        if (state->nodes[i].owner == from)
            state->nodes[i].owner = to;
    for (int i = 0; i < LATE_MAX; i++)
        if (state->late[i].owner == from)
            state->late[i].owner = to;
    for (int i = 0; i < PROCESSES_MAX; i++)
        if (state->flights[i].previous == from)
            state->flights[i].previous = to;
}

/* Whether a request under way, or a flight that sent one twice, has it. */
static bool usable(const struct state *state, int8_t token) {
    for (int i = 0; i < LATE_MAX; i++)
        if (state->late[i].owner == token)
            return true;
    for (int i = 0; i < PROCESSES_MAX; i++)
        if (state->flights[i].previous == token)
            return true;
    return false;
}

int8_t state_new_token(const struct state *state) {
    int8_t token = TOKEN_LATE;
    while (usable(state, token))
        token++;
    return token;
}

void state_retire_token(struct state *state, int8_t token) {
    rename_token(state, token, usable(state, token) ? state_new_token(state) : TOKEN_OLD);
}

void state_forget_tokens(struct state *state) {
    for (int i = 0; i < NODES; i++) {
        int8_t owner = state->nodes[i].owner;
        if (owner >= TOKEN_LATE && owner < TOKEN_OLD && !usable(state, owner))
            state->nodes[i].owner = TOKEN_OLD;
    }
}

static void sort_readers(struct state *state) {
    for (int i = 1; i < READERS_MAX; i++)
        for (int j = i; j > 0 && memcmp(&state->readers[j - 1], &state->readers[j], sizeof(struct reader)) > 0; j--) {
            struct reader reader = state->readers[j];
            state->readers[j] = state->readers[j - 1];
            state->readers[j - 1] = reader;
        }
}

static void swap_processes(struct state *state, int8_t a, int8_t b) {
    struct flight_state flight = state->flights[a];
    state->flights[a] = state->flights[b];
    state->flights[b] = flight;
    rename_token(state, flight_token(a), INT8_MAX);
    rename_token(state, flight_token(b), flight_token(a));
    rename_token(state, INT8_MAX, flight_token(b));
    for (int i = 0; i < READERS_MAX; i++) {
        struct reader *reader = &state->readers[i];
        if (reader->phase == READER_IDLE || reader->phase == READER_DONE)
            continue;
        reader->process = reader->process == a ? b : reader->process == b ? a : reader->process;
    }
}

void state_normalize(struct state *state, int processes) {
    sort_readers(state);
    /* Neighbours are swapped as long as that makes the state less; with two processes that finds the least. */
    bool swapped = true;
    while (swapped) {
        swapped = false;
        for (int8_t i = 0; i + 1 < processes; i++) {
            struct state other = *state;
            swap_processes(&other, i, (int8_t)(i + 1));
            sort_readers(&other);
            if (memcmp(&other, state, sizeof other) < 0) {
                *state = other;
                swapped = true;
            }
        }
    }
}
