#include "model/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct step *step_from(struct steps *steps, const struct state *state) {
    if (steps->count == STEPS_MAX) {
        fputs("more steps out of one state than STEPS_MAX\n", stderr);
        exit(2);
    }
    struct step *step = &steps->list[steps->count++];
    *step = (struct step){ .to = *state };
    return step;
}

void step_say(struct step *step, const char *text, int a, int b, int c) {
    step->text = text;
    step->words[0] = a;
    step->words[1] = b;
    step->words[2] = c;
}

void step_print(const struct step *step, char *out, size_t size) {
    size_t used = 0, word = 0;
    for (const char *at = step->text; *at != '\0' && used + 16 < size; at++)
        if (*at == '%')
            used += (size_t)snprintf(out + used, size - used, "%d", step->words[word++]);
        else if (*at == '@')
            out[used++] = (char)('A' + step->words[word++]);
        else
            out[used++] = *at;
    out[used] = '\0';
}

void steps_find(struct steps *steps, const struct setup *setup, const struct state *state) {
    steps->setup = setup;
    steps->count = 0;
    steps_of_readers(steps, state);
    steps_of_flights(steps, state);
    steps_of_writers(steps, state);
    steps_of_faults(steps, state);
}

bool node_answers(const struct state *state, int node) {
    return node == state->primary || (node == 0 && state->old_answers && state->primary == 1);
}

struct step *step_asks(struct steps *steps, const struct state *state, int node, const struct ask *ask,
                       struct answer *answer) {
    if (!node_answers(state, node))
        return NULL;
    struct ask asked = *ask;
    asked.history = (int8_t)node;
    struct step *step = step_from(steps, state);
    *answer = cell_ask(&step->to.nodes[node], &steps->setup->protocol->rules, &asked);
    return step;
}
