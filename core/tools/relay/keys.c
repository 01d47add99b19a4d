#include "relay/keys.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES_FIRST = 4096, ROOM_FIRST = 256 };

static uint64_t hash_of(const char *bytes, size_t size) { /* FNV-1a */
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211u;
    return hash;
}

bool keys_append(struct keys *keys, const char *bytes, size_t size) {
    if (keys->capacity - keys->used < size) {
        size_t capacity = keys->capacity > 0 ? keys->capacity : BYTES_FIRST;
        while (capacity - keys->used < size && capacity <= SIZE_MAX / 2)
            capacity *= 2;
        char *grown = capacity - keys->used < size ? NULL : realloc(keys->bytes, capacity);
        if (grown == NULL)
            return false;
        keys->bytes = grown;
        keys->capacity = capacity;
    }
    if (size > 0)
        memcpy(keys->bytes + keys->used, bytes, size);
    keys->used += size;
    return true;
}

/* The slot of a key, or the free one that it would get. */
static size_t *slot_of(const struct keys *keys, const char *bytes, size_t size) {
    size_t mask = keys->slot_count - 1;
    for (size_t i = hash_of(bytes, size) & mask;; i = (i + 1) & mask) {
        size_t number = keys->slots[i];
        if (number == 0 || (keys->sizes[number - 1] == size
                            && memcmp(keys->bytes + keys->offsets[number - 1], bytes, size) == 0))
            return &keys->slots[i];
    }
}

static void fill_slots(struct keys *keys) {
    memset(keys->slots, 0, keys->slot_count * sizeof *keys->slots);
    for (size_t i = 0; i < keys->count; i++)
        *slot_of(keys, keys->bytes + keys->offsets[i], keys->sizes[i]) = i + 1;
}

/* Room for one more; half of the slots stay free. */
static bool grow(struct keys *keys) {
    if (keys->count < keys->room)
        return true;
    size_t room = keys->room > 0 ? keys->room * 2 : ROOM_FIRST;
    uint32_t *sizes = realloc(keys->sizes, room * sizeof *sizes);
    keys->sizes = sizes != NULL ? sizes : keys->sizes;
    uint64_t *versions = realloc(keys->versions, room * sizeof *versions);
    keys->versions = versions != NULL ? versions : keys->versions;
    size_t *offsets = realloc(keys->offsets, room * sizeof *offsets);
    keys->offsets = offsets != NULL ? offsets : keys->offsets;
    size_t *slots = realloc(keys->slots, 2 * room * sizeof *slots);
    keys->slots = slots != NULL ? slots : keys->slots;
    if (sizes == NULL || versions == NULL || offsets == NULL || slots == NULL)
        return false;
    keys->room = room;
    keys->slot_count = 2 * room;
    fill_slots(keys);
    return true;
}

bool keys_end(struct keys *keys, uint64_t version) {
    size_t size = keys->used - keys->made;
    if (size > UINT32_MAX || !grow(keys))
        return false;
    size_t *slot = slot_of(keys, keys->bytes + keys->made, size);
    if (*slot != 0) {
        uint64_t *known = &keys->versions[*slot - 1];
        *known = version > *known ? version : *known;
        keys_abandon(keys);
        return true;
    }
    keys->offsets[keys->count] = keys->made;
    keys->sizes[keys->count] = (uint32_t)size;
    keys->versions[keys->count] = version;
    *slot = ++keys->count;
    keys->made = keys->used;
    return true;
}

void keys_abandon(struct keys *keys) {
    keys->used = keys->made;
}

void keys_leave(struct keys *keys, const bool *keep) {
    size_t count = 0, used = 0;
    for (size_t i = 0; i < keys->count; i++)
        if (keep[i]) {
            memmove(keys->bytes + used, keys->bytes + keys->offsets[i], keys->sizes[i]);
            keys->sizes[count] = keys->sizes[i];
            keys->versions[count] = keys->versions[i];
            keys->offsets[count++] = used;
            used += keys->sizes[i];
        }
    keys->count = count;
    keys->used = keys->made = used;
    if (keys->slots != NULL)
        fill_slots(keys);
}

void keys_empty(struct keys *keys) {
    keys->count = keys->used = keys->made = 0;
    if (keys->slots != NULL)
        fill_slots(keys);
}

void keys_free(struct keys *keys) {
    free(keys->bytes);
    free(keys->sizes);
    free(keys->versions);
    free(keys->offsets);
    free(keys->slots);
    *keys = (struct keys){ 0 };
}
