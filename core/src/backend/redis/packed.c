#include "backend/redis/packed.h"

enum { TAIL = 8 };

bool packed_read(struct slice text, struct packed *packed) {
    if (text.size < TAIL)
        return false;
    const unsigned char *tail = (const unsigned char *)text.data + text.size - TAIL;
    if (tail[6] != 0xF5 || tail[7] != 0xFE)
        return false;
    size_t lease = tail[1], owner = tail[2], meta = tail[3], padding = (size_t)tail[4] << 8 | tail[5];
    size_t trailer = lease + owner + meta + padding + TAIL;
    if (trailer > text.size)
        return false;
    const char *at = text.data + text.size - trailer;
    *packed = (struct packed){ .has_value = tail[0] == 1,
                               .value = slice_of(text.data, text.size - trailer),
                               .lease = slice_of(at, lease),
                               .meta = slice_of(at + lease + owner, meta) };
    return packed->has_value || packed->value.size == 0;
}
