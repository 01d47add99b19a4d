#include "relay/keys.h"

#include "base/alloc.h"
#include "base/list.h"
#include "base/random.h"

enum { ROOM_FIRST = 256 };

bool keys_append(struct keys *keys, const char *bytes, size_t size) {
    return buffer_append(&keys->making, bytes, size);
}

void keys_abandon(struct keys *keys) {
    buffer_take(&keys->making, keys->making.size);
}

/* Room for one more. */
static bool grow(struct keys *keys) {
    if (keys->by_key.buckets == NULL && !map_init(&keys->by_key, random_from_system()))
        return false;
    if (keys->count < keys->room)
        return true;
    size_t room = keys->room > 0 ? keys->room * 2 : ROOM_FIRST;
    struct key **all = mem_resize(keys->all, room * sizeof(struct key *));
    if (all == NULL)
        return false;
    keys->all = all;
    keys->room = room;
    return true;
}

bool keys_end(struct keys *keys, uint64_t version) {
    struct slice made = buffer_slice(&keys->making);
    if (!grow(keys))
        return false;
    struct map_node *node = map_find(&keys->by_key, made);
    if (node != NULL) {
        struct key *known = list_entry(node, struct key, node);
        known->version = version > known->version ? version : known->version;
        keys_abandon(keys);
        return true;
    }
    struct key *key = mem_alloc(sizeof *key + made.size);
    if (key == NULL)
        return false;
    key->version = version;
    if (made.size > 0)
        memcpy(key->bytes, made.data, made.size);
    key->node.key = slice_of(key->bytes, made.size);
    map_add(&keys->by_key, &key->node);
    keys->all[keys->count++] = key;
    keys->size += made.size;
    keys_abandon(keys);
    return true;
}

static void drop(struct keys *keys, struct key *key) {
    keys->size -= key->node.key.size;
    map_remove(&keys->by_key, &key->node);
    mem_free(key);
}

void keys_leave(struct keys *keys, const bool *keep) {
    size_t count = 0;
    for (size_t i = 0; i < keys->count; i++)
        if (keep[i])
            keys->all[count++] = keys->all[i];
        else
            drop(keys, keys->all[i]);
    keys->count = count;
}

void keys_empty(struct keys *keys) {
    while (keys->count > 0)
        drop(keys, keys->all[--keys->count]);
    keys_abandon(keys);
}

void keys_free(struct keys *keys) {
    keys_empty(keys);
    mem_free(keys->all);
    map_clear(&keys->by_key);
    buffer_clear(&keys->making);
    *keys = (struct keys){ 0 };
}
