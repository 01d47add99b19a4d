#include "backend/redis/slot.h"

/* CRC-16/XMODEM, four bits at a time. */
static uint16_t crc16(struct slice bytes) {
    static const uint16_t steps[16] = { 0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7,
                                        0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF };
    unsigned crc = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned byte = (unsigned char)bytes.data[i];
        crc = ((crc << 4) ^ steps[((crc >> 12) ^ (byte >> 4)) & 15]) & 0xFFFF;
        crc = ((crc << 4) ^ steps[((crc >> 12) ^ byte) & 15]) & 0xFFFF;
    }
    return (uint16_t)crc;
}

static struct slice hashed_part(struct slice key) {
    const char *open = key.size > 0 ? memchr(key.data, '{', key.size) : NULL;
    if (open == NULL)
        return key;
    size_t left = key.size - (size_t)(open + 1 - key.data);
    const char *close = left > 0 ? memchr(open + 1, '}', left) : NULL;
    return close != NULL && close > open + 1 ? slice_of(open + 1, (size_t)(close - open - 1)) : key;
}

uint16_t slot_of(struct slice key) {
    return crc16(hashed_part(key)) % SLOT_COUNT;
}
