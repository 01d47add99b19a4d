#include "engine/setbacks.h"

#include "base/alloc.h"
#include "engine/pause.h"

enum { SETBACKS_MAX = 10000 }; /* a database that is away fails every key */

struct setback {
    struct map_node node;
    struct link_node order;
    uint32_t failures;
    int64_t until_ms;
    int64_t kept_until_ms;
    char key[];
};

static struct setback *find(const struct setbacks *setbacks, struct slice key) {
    struct map_node *node = map_find(&setbacks->map, key);
    return node != NULL ? list_entry(node, struct setback, node) : NULL;
}

static void forget(struct setbacks *setbacks, struct setback *setback) {
    map_remove(&setbacks->map, &setback->node);
    list_remove(&setback->order);
    mem_free(setback);
}

static void forget_old(struct setbacks *setbacks, int64_t now_ms) {
    while (!list_empty(&setbacks->order)) {
        struct setback *first = list_entry(setbacks->order.next, struct setback, order);
        if (setbacks->map.count < SETBACKS_MAX && now_ms < first->kept_until_ms)
            return;
        forget(setbacks, first);
    }
}

static struct setback *add(struct setbacks *setbacks, struct slice key) {
    struct setback *setback = mem_alloc_zeroed(1, sizeof *setback + key.size);
    if (setback == NULL)
        return NULL;
    if (key.size > 0)
        memcpy(setback->key, key.data, key.size);
    setback->node.key = slice_of(setback->key, key.size);
    list_init(&setback->order);
    map_add(&setbacks->map, &setback->node);
    return setback;
}

bool setbacks_init(struct setbacks *setbacks, uint64_t seed) {
    list_init(&setbacks->order);
    return map_init(&setbacks->map, seed);
}

void setbacks_clear(struct setbacks *setbacks) {
    while (setbacks->map.buckets != NULL && !list_empty(&setbacks->order))
        forget(setbacks, list_entry(setbacks->order.next, struct setback, order));
    map_clear(&setbacks->map);
}

void setbacks_note(struct setbacks *setbacks, struct slice key, const struct policy *policy, int64_t now_ms) {
    forget_old(setbacks, now_ms);
    struct setback *setback = find(setbacks, key);
    if (setback == NULL)
        setback = add(setbacks, key);
    if (setback == NULL)
        return;
    int64_t pause_ms = pause_after_failures(policy, ++setback->failures);
    setback->until_ms = now_ms + pause_ms;
    setback->kept_until_ms = setback->until_ms + pause_ms;
    list_remove(&setback->order);
    list_append(&setbacks->order, &setback->order);
}

void setbacks_forget(struct setbacks *setbacks, struct slice key) {
    struct setback *setback = find(setbacks, key);
    if (setback != NULL)
        forget(setbacks, setback);
}

int64_t setbacks_left_ms(const struct setbacks *setbacks, struct slice key, int64_t now_ms) {
    const struct setback *setback = find(setbacks, key);
    return setback != NULL && now_ms < setback->until_ms ? setback->until_ms - now_ms : 0;
}

int64_t pause_after_failures(const struct policy *policy, uint32_t failures) {
    int64_t pause_ms = policy->retry_after_ms, longest_ms = policy->retry_after_max_ms;
    while (--failures > 0 && pause_ms < longest_ms)
        pause_ms = pause_doubled(pause_ms, longest_ms);
    return pause_ms < longest_ms ? pause_ms : longest_ms;
}
