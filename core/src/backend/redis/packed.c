#include "backend/redis/packed.h"

enum { TAIL = 6, VALUED = 128 };

bool packed_read(struct slice text, struct packed *packed) {
    if (text.size < TAIL)
        return false;
    const unsigned char *tail = (const unsigned char *)text.data + text.size - TAIL;
    if (tail[4] != 0xF5 || tail[5] != 0xFE)
        return false;
    size_t lease = tail[0] % VALUED, owner = tail[1], meta = tail[2], padding = tail[3];
    size_t trailer = lease + owner + meta + padding + TAIL;
    if (trailer > text.size)
        return false;
    const char *at = text.data + text.size - trailer;
    *packed = (struct packed){ .has_value = tail[0] >= VALUED,
                               .value = slice_of(text.data, text.size - trailer),
                               .lease = slice_of(at, lease),
                               .meta = slice_of(at + lease + owner, meta) };
    return packed->has_value || packed->value.size == 0;
}
