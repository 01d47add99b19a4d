#include "base/buffer.h"

#include "base/alloc.h"

enum { CAPACITY_FIRST = 4096, CAPACITY_KEPT = 256 * 1024 };

void buffer_clear(struct buffer *buffer) {
    mem_free(buffer->data);
    *buffer = (struct buffer)BUFFER_INIT;
}

char *buffer_reserve(struct buffer *buffer, size_t more) {
    if (more > SIZE_MAX / 2 - buffer->size)
        return NULL;
    size_t needed = buffer->size + more;
    if (buffer->start > 0 && buffer->start + needed > buffer->capacity) {
        memmove(buffer->data, buffer->data + buffer->start, buffer->size);
        buffer->start = 0;
    }
    if (needed > buffer->capacity - buffer->start || buffer->data == NULL) {
        size_t capacity = buffer->capacity > 0 ? buffer->capacity : CAPACITY_FIRST;
        while (capacity < needed)
            capacity *= 2;
        char *data = mem_resize(buffer->data, capacity);
        if (data == NULL)
            return NULL;
        buffer->data = data;
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->start + buffer->size;
}

bool buffer_append(struct buffer *buffer, const void *data, size_t size) {
    char *room = buffer_reserve(buffer, size);
    if (room == NULL)
        return false;
    if (size > 0)
        memcpy(room, data, size);
    buffer->size += size;
    return true;
}

bool buffer_append_text(struct buffer *buffer, const char *text) {
    return buffer_append(buffer, text, strlen(text));
}

void buffer_take(struct buffer *buffer, size_t size) {
    buffer->start += size;
    buffer->size -= size;
    if (buffer->size > 0)
        return;
    buffer->start = 0;
    if (buffer->capacity > CAPACITY_KEPT)
        buffer_clear(buffer);
}
