/* buffer: bytes that grow at the end and are taken from the front. */
#ifndef RESILICACHE_BASE_BUFFER_H
#define RESILICACHE_BASE_BUFFER_H

#include "base/slice.h"

#include <stdint.h>

struct buffer {
    char *data;
    size_t size;     /* bytes in it, from `start` on */
    size_t start;    /* bytes already taken from the front */
    size_t capacity;
};

#define BUFFER_INIT { NULL, 0, 0, 0 }

void buffer_clear(struct buffer *buffer); /* frees the memory; the buffer may be used again */
/* Room for `more` bytes behind the last; NULL for want of memory, the buffer unchanged. */
char *buffer_reserve(struct buffer *buffer, size_t more);
bool buffer_append(struct buffer *buffer, const void *data, size_t size);
bool buffer_append_text(struct buffer *buffer, const char *text);
/* Bytes taken from the front; the memory of a large buffer is given back when it runs empty. */
void buffer_take(struct buffer *buffer, size_t size);

static inline struct slice buffer_slice(const struct buffer *buffer) {
    return slice_of(buffer->data != NULL ? buffer->data + buffer->start : NULL, buffer->size);
}

#endif
