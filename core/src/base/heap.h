/* heap: which timer is due first.  A pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986) of nodes that their
 * owners carry: arming a timer needs no memory and can't fail. */
#ifndef RESILICACHE_BASE_HEAP_H
#define RESILICACHE_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t due;
    struct heap_node *child;
    struct heap_node *next;
    struct heap_node *prev; /* the sibling before, or the parent of the first child */
    bool queued;
};

struct heap {
    struct heap_node *root;
};

/* A node that is queued already is moved. */
void heap_set(struct heap *heap, struct heap_node *node, int64_t due);
/* Harmless for a node that is not queued. */
void heap_remove(struct heap *heap, struct heap_node *node);

static inline struct heap_node *heap_first(const struct heap *heap) {
    return heap->root;
}

#endif
