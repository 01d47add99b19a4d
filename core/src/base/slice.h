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

#endif
