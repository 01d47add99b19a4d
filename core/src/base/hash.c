#include "base/hash.h"

#include <string.h>

static const uint64_t PRIME1 = 0x9E3779B185EBCA87u, PRIME2 = 0xC2B2AE3D27D4EB4Fu, PRIME3 = 0x165667B19E3779F9u,
                      PRIME4 = 0x85EBCA77C2B2AE63u, PRIME5 = 0x27D4EB2F165667C5u;

static uint64_t rotate(uint64_t x, int bits) {
    return (x << bits) | (x >> (64 - bits));
}

/* The specification reads little-endian. */
static uint64_t read64(const unsigned char *p) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

static uint64_t read32(const unsigned char *p) {
    uint32_t x;
    memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap32(x);
#endif
    return x;
}

static uint64_t round_of(uint64_t lane, uint64_t input) {
    return rotate(lane + input * PRIME2, 31) * PRIME1;
}

static uint64_t merge(uint64_t hash, uint64_t lane) {
    return (hash ^ round_of(0, lane)) * PRIME1 + PRIME4;
}

static uint64_t stripes(const unsigned char **p, const unsigned char *end, uint64_t seed) {
    uint64_t lanes[4] = { seed + PRIME1 + PRIME2, seed + PRIME2, seed, seed - PRIME1 };
    for (; end - *p >= 32; *p += 32)
        for (int i = 0; i < 4; i++)
            lanes[i] = round_of(lanes[i], read64(*p + 8 * i));
    uint64_t hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
    for (int i = 0; i < 4; i++)
        hash = merge(hash, lanes[i]);
    return hash;
}

uint64_t hash64(const void *data, size_t size, uint64_t seed) {
    const unsigned char *p = data, *end = size > 0 ? p + size : p;
    uint64_t hash = size >= 32 ? stripes(&p, end, seed) : seed + PRIME5;
    hash += size;
    for (; end - p >= 8; p += 8)
        hash = rotate(hash ^ round_of(0, read64(p)), 27) * PRIME1 + PRIME4;
    for (; end - p >= 4; p += 4)
        hash = rotate(hash ^ read32(p) * PRIME1, 23) * PRIME2 + PRIME3;
    for (; p < end; p++)
        hash = rotate(hash ^ *p * PRIME5, 11) * PRIME1;
    hash = (hash ^ hash >> 33) * PRIME2;
    hash = (hash ^ hash >> 29) * PRIME3;
    return hash ^ hash >> 32;
}
