#include "model/graph.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *graph_grow(void *memory, uint64_t count, size_t size) {
    void *grown = realloc(memory, count * size);
    if (grown == NULL) {
        fputs("no memory for the search\n", stderr);
        exit(2);
    }
    return grown;
}

void graph_clear(struct graph *graph) {
    free(graph->states);
    free(graph->parents);
    free(graph->table);
    free(graph->edges);
    *graph = (struct graph){ .states = NULL };
}

static struct place *place_of(const struct graph *graph, const struct state *state) {
    uint64_t hash = hash64(state, sizeof *state, 0);
    uint32_t tag = (uint32_t)(hash >> 32), at = (uint32_t)hash & (graph->table_size - 1);
    struct place *place = &graph->table[at];
    while (place->index != NO_STATE &&
           (place->tag != tag || memcmp(&graph->states[place->index], state, sizeof *state) != 0)) {
        at = (at + 1) & (graph->table_size - 1);
        place = &graph->table[at];
    }
    place->tag = tag;
    return place;
}

static void make_room(struct graph *graph) {
    graph->room = graph->room == 0 ? 1 << 12 : graph->room * 2;
    graph->states = graph_grow(graph->states, graph->room, sizeof *graph->states);
    graph->parents = graph_grow(graph->parents, graph->room, sizeof *graph->parents);
    graph->table_size = graph->room * 2;
    graph->table = graph_grow(graph->table, graph->table_size, sizeof *graph->table);
    memset(graph->table, 0xff, graph->table_size * sizeof *graph->table);
    for (uint32_t i = 0; i < graph->count; i++)
        place_of(graph, &graph->states[i])->index = i;
}

uint32_t graph_add(struct graph *graph, const struct state *state, uint32_t parent) {
    if (graph->count == graph->room)
        make_room(graph);
    struct place *place = place_of(graph, state);
    if (place->index == NO_STATE) {
        place->index = graph->count;
        graph->states[graph->count] = *state;
        graph->parents[graph->count++] = parent;
    }
    return place->index;
}

void graph_add_edge(struct graph *graph, uint32_t from, uint32_t to) {
    if (graph->edge_count == graph->edge_room) {
        graph->edge_room = graph->edge_room == 0 ? 1 << 14 : graph->edge_room * 2;
        graph->edges = graph_grow(graph->edges, graph->edge_room, sizeof *graph->edges);
    }
    graph->edges[graph->edge_count++] = (struct edge){ from, to };
}

/* For each state those from which an edge leads to it: sources[first[i]] up to sources[first[i + 1]]. */
static uint32_t *sources_of(const struct graph *graph, uint32_t *first) {
    uint32_t *sources = graph_grow(NULL, graph->edge_count + 1, sizeof *sources);
    memset(first, 0, (graph->count + 2) * sizeof *first);
    for (uint64_t i = 0; i < graph->edge_count; i++)
        first[graph->edges[i].to + 2]++;
    for (uint32_t i = 2; i < graph->count + 2; i++)
        first[i] += first[i - 1];
    for (uint64_t i = 0; i < graph->edge_count; i++)
        sources[first[graph->edges[i].to + 1]++] = graph->edges[i].from;
    return sources;
}

void graph_spread_back(const struct graph *graph, bool *marked) {
    uint32_t *first = graph_grow(NULL, graph->count + 2, sizeof *first), *sources = sources_of(graph, first);
    uint32_t *queue = graph_grow(NULL, graph->count, sizeof *queue), queued = 0;
    for (uint32_t i = 0; i < graph->count; i++)
        if (marked[i])
            queue[queued++] = i;
    for (uint32_t done = 0; done < queued; done++)
        for (uint32_t i = first[queue[done]]; i < first[queue[done] + 1]; i++)
            if (!marked[sources[i]]) {
                marked[sources[i]] = true;
                queue[queued++] = sources[i];
            }
    free(first);
    free(sources);
    free(queue);
}
