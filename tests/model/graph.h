/* graph: the states found so far, each with the one that it was first reached from, and the steps between them that are
 * no faults. */
#ifndef RESILICACHE_TESTS_MODEL_GRAPH_H
#define RESILICACHE_TESTS_MODEL_GRAPH_H

#include "model/state.h"

#include <stdbool.h>
#include <stdint.h>

enum { NO_STATE = UINT32_MAX };

struct place {
    uint32_t index; /* into states */
    uint32_t tag;   /* a part of the hash, so that few others are compared */
};

struct edge {
    uint32_t from, to;
};

struct graph {
    struct state *states; /* in the order in which they were found */
    uint32_t *parents;
    uint32_t count, room;
    struct place *table; /* open addressing */
    uint32_t table_size;
    struct edge *edges;
    uint64_t edge_count, edge_room;
};

/* All memory is the graph's; for want of it the program ends. */
void graph_clear(struct graph *graph);
/* The state's number; a new one is the last. */
uint32_t graph_add(struct graph *graph, const struct state *state, uint32_t parent);
void graph_add_edge(struct graph *graph, uint32_t from, uint32_t to);
/* Marks every state from which an edge leads to a marked one, and so on. */
void graph_spread_back(const struct graph *graph, bool *marked);
/* realloc that does not fail */
void *graph_grow(void *memory, uint64_t count, size_t size);

#endif
