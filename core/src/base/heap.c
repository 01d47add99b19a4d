#include "base/heap.h"

static struct heap_node *meld(struct heap_node *a, struct heap_node *b) {
    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    struct heap_node *top = a->due <= b->due ? a : b, *below = top == a ? b : a;
    below->prev = top;
    below->next = top->child;
    if (top->child != NULL)
        top->child->prev = below;
    top->child = below;
    return top;
}

/* The siblings from `first` on as one tree: pairs from left to right, then all from right to left. */
static struct heap_node *merge_siblings(struct heap_node *first) {
    struct heap_node *pairs = NULL;
    while (first != NULL) {
        struct heap_node *a = first, *b = a->next;
        first = b != NULL ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b != NULL)
            b->next = b->prev = NULL;
        struct heap_node *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    struct heap_node *root = NULL;
    while (pairs != NULL) {
        struct heap_node *rest = pairs->next;
        pairs->next = NULL;
        root = meld(root, pairs);
        pairs = rest;
    }
    return root;
}

void heap_remove(struct heap *heap, struct heap_node *node) {
    if (!node->queued)
        return;
    node->queued = false;
    struct heap_node *children = merge_siblings(node->child);
    node->child = NULL;
    if (heap->root == node) {
        heap->root = children;
        return;
    }
    if (node->prev->child == node)
        node->prev->child = node->next;
    else
        node->prev->next = node->next;
    if (node->next != NULL)
        node->next->prev = node->prev;
    node->next = node->prev = NULL;
    heap->root = meld(heap->root, children);
}

void heap_set(struct heap *heap, struct heap_node *node, int64_t due) {
    heap_remove(heap, node);
    *node = (struct heap_node){ .due = due, .queued = true };
    heap->root = meld(heap->root, node);
}
