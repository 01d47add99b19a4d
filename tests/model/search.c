#include "model/search.h"

#include "model/graph.h"
#include "model/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct search {
    const struct setup *setup;
    struct graph graph;
    struct findings findings;
    bool *ends; /* all calls can end from here; at first, whether they have, or something wrong comes next */
    uint32_t ends_room;
};

/* ---- what a state shows ---- */

static bool calls_ended(const struct state *state, const struct setup *setup) {
    for (int i = 0; i < setup->readers; i++)
        if (state->readers[i].phase != READER_DONE)
            return false;
    for (int i = 0; i < setup->writers; i++)
        if (state->writers[i].phase < WRITER_DONE)
            return false;
    return true;
}

static bool all_ended(const struct state *state, const struct setup *setup) {
    for (int i = 0; i < setup->processes; i++)
        if (state->flights[i].phase != NO_FLIGHT)
            return false;
    for (int i = 0; i < LATE_MAX; i++)
        if (state->late[i].verb != VERB_PEEK)
            return false;
    return calls_ended(state, setup);
}

static bool leaves_old(const struct state *state, const struct setup *setup) {
    const struct cell *cell = &state->nodes[state->primary];
    return all_ended(state, setup) && cell->value < state->database &&
           cell_fresh(cell, &setup->protocol->rules, state->primary);
}

/* ---- in words ---- */

static void add_line(struct findings *findings, const char *sign, const char *line) {
    size_t used = findings->trace != NULL ? strlen(findings->trace) : 0, size = strlen(sign) + strlen(line) + 6;
    findings->trace = graph_grow(findings->trace, used + size, 1);
    snprintf(findings->trace + used, size, "    %s%s\n", sign, line);
}

/* The step that leads to `wanted`, or, where that is NULL, the breach.  Names are kept: the graph has one state for all
 * that differ by their names, but a reader is to be the same from line to line. */
static const struct step *step_to(struct steps *steps, const struct setup *setup, const struct state *from,
                                  const struct state *wanted, enum breach breach) {
    steps_find(steps, setup, from);
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->list[i];
        struct state to = step->to;
        state_normalize(&to, setup->processes);
        if (wanted == NULL ? step->breach == breach :
                             step->breach == NO_BREACH && memcmp(&to, wanted, sizeof to) == 0)
            return step;
    }
    return NULL;
}

static void tell(struct search *search, uint32_t end, enum breach breach, bool by_step) {
    static struct steps steps;
    const struct graph *graph = &search->graph;
    struct findings *findings = &search->findings;
    uint32_t length = 0;
    for (uint32_t at = end; graph->parents[at] != NO_STATE; at = graph->parents[at])
        length++;
    uint32_t *way = graph_grow(NULL, length + 1, sizeof *way);
    for (uint32_t at = end, i = length; i > 0; at = graph->parents[at])
        way[--i] = at;
    struct state state = graph->states[0];
    for (uint32_t i = 0; i < length + (by_step ? 1 : 0); i++) {
        char line[256];
        const struct state *wanted = i < length ? &graph->states[way[i]] : NULL;
        const struct step *step = step_to(&steps, search->setup, &state, wanted, breach);
        if (step == NULL) {
            fputs("the way to a state is not found again\n", stderr);
            exit(2);
        }
        step_print(step, line, sizeof line);
        add_line(findings, "", line);
        state = step->to;
    }
    add_line(findings, "=> ", breach_text(breach));
    findings->first = breach;
    findings->steps = length + (by_step ? 1 : 0);
    free(way);
}

static void find(struct search *search, enum breach breach, uint32_t at, bool by_step) {
    search->findings.counts[breach]++;
    if (search->findings.trace == NULL)
        tell(search, at, breach, by_step);
}

/* ---- the search ---- */

static void note_ends(struct search *search, uint32_t at, bool ends) {
    if (at >= search->ends_room) {
        search->ends_room = search->graph.room;
        search->ends = graph_grow(search->ends, search->ends_room, sizeof *search->ends);
    }
    search->ends[at] = ends;
}

static void look_at(struct search *search, uint32_t at) {
    static struct steps steps;
    struct state state = search->graph.states[at];
    bool ends = calls_ended(&state, search->setup);
    if (leaves_old(&state, search->setup))
        find(search, LEFT_OLD, at, false);
    steps_find(&steps, search->setup, &state);
    for (size_t i = 0; i < steps.count; i++) {
        struct step *step = &steps.list[i];
        if (step->breach != NO_BREACH) {
            find(search, step->breach, at, true);
            ends = true; /* what comes behind it is not looked at */
            continue;
        }
        state_normalize(&step->to, search->setup->processes);
        uint32_t to = graph_add(&search->graph, &step->to, at);
        if (!step->fault && to != at)
            graph_add_edge(&search->graph, at, to);
    }
    note_ends(search, at, ends);
}

static void find_stuck(struct search *search) {
    graph_spread_back(&search->graph, search->ends);
    for (uint32_t i = 0; i < search->graph.count; i++)
        if (!search->ends[i])
            find(search, STUCK, i, false);
}

struct findings search(const struct setup *setup, uint64_t states_max, bool briefly) {
    struct search search = { .setup = setup };
    struct state start;
    state_init(&start, setup->readers);
    start.budget = setup->faults->budget;
    state_normalize(&start, setup->processes);
    graph_add(&search.graph, &start, NO_STATE);
    uint32_t at = 0;
    bool done = false;
    for (; at < search.graph.count && search.graph.count <= states_max && !done; at++) {
        look_at(&search, at);
        done = briefly && search.findings.trace != NULL;
    }
    search.findings.states = search.graph.count;
    search.findings.exhaustive = at == search.graph.count;
    if (search.findings.exhaustive && !done)
        find_stuck(&search);
    graph_clear(&search.graph);
    free(search.ends);
    return search.findings;
}
