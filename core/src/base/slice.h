/* slice: bytes that someone else owns. */
#ifndef RESILICACHE_BASE_SLICE_H
#define RESILICACHE_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *data;
    size_t size;
};

static inline struct slice slice_of(const void *data, size_t size) {
    return (struct slice){ (const char *)data, size };
}

static inline struct slice slice_of_text(const char *text) {
    return (struct slice){ text, strlen(text) };
}

static inline bool slice_equal(struct slice a, struct slice b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool slice_starts(struct slice text, struct slice part) {
    return text.size >= part.size && slice_equal(slice_of(text.data, part.size), part);
}

static inline bool slice_contains(struct slice text, struct slice part) {
    for (size_t at = 0; at + part.size <= text.size; at++)
        if (memcmp(text.data + at, part.data, part.size) == 0)
            return true;
    return false;
}

#endif
