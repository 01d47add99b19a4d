/* list: intrusive, doubly linked, circular; an element is in at most one list per link it carries. */
#ifndef RESILICACHE_BASE_LIST_H
#define RESILICACHE_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link_node {
    struct link_node *next;
    struct link_node *prev;
};

/* The struct that carries `node` as its field `member`. */
#define list_entry(node, type, member) ((type *)(void *)((char *)(node) - offsetof(type, member)))

static inline void list_init(struct link_node *list) {
    list->next = list->prev = list;
}

static inline bool list_empty(const struct link_node *list) {
    return list->next == list;
}

static inline void list_append(struct link_node *list, struct link_node *node) {
    node->prev = list->prev;
    node->next = list;
    list->prev->next = node;
    list->prev = node;
}

/* Leaves the node as a list of its own, so that removing it again is harmless. */
static inline void list_remove(struct link_node *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* The first node, removed; NULL when empty. */
static inline struct link_node *list_take(struct link_node *list) {
    if (list_empty(list))
        return NULL;
    struct link_node *node = list->next;
    list_remove(node);
    return node;
}

/* All nodes of `from` go behind those of `list`. */
static inline void list_move_all(struct link_node *list, struct link_node *from) {
    if (list_empty(from))
        return;
    from->next->prev = list->prev;
    list->prev->next = from->next;
    from->prev->next = list;
    list->prev = from->prev;
    list_init(from);
}

#endif
