#include "relay/position.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char DIGITS[] = "0123456789", HEX_DIGITS[] = "0123456789abcdefABCDEF";

/* The number that is all of the text up to `end`. */
static bool read_number(const char *text, const char *end, int base, uint64_t *number) {
    size_t size = (size_t)(end - text);
    if (size == 0 || size > (base == 16 ? 8 : 19) || strspn(text, base == 16 ? HEX_DIGITS : DIGITS) < size)
        return false;
    *number = strtoull(text, NULL, base);
    return true;
}

static bool read_lsn(const char *text, const char *end, uint64_t *lsn) {
    const char *slash = memchr(text, '/', (size_t)(end - text));
    uint64_t high, low;
    if (slash == NULL || !read_number(text, slash, 16, &high) || !read_number(slash + 1, end, 16, &low))
        return false;
    *lsn = high << 32 | low;
    return true;
}

bool position_read_lsn(const char *text, uint64_t *lsn) {
    return read_lsn(text, text + strlen(text), lsn);
}

/* "binlog.000003", of `size` bytes, into the name and its number. */
static bool read_file(const char *file, size_t size, struct position *position) {
    size_t dot = size;
    while (dot > 0 && file[dot - 1] != '.')
        dot--;
    if (dot < 2 || dot > sizeof position->name || !read_number(file + dot, file + size, 10, &position->major))
        return false;
    memcpy(position->name, file, dot - 1);
    position->name[dot - 1] = '\0';
    position->kind = POSITION_BINLOG;
    return true;
}

bool position_of_binlog(const char *file, uint64_t offset, struct position *position) {
    *position = (struct position){ .minor = offset };
    return read_file(file, strlen(file), position);
}

bool position_read(const char *text, struct position *position) {
    const char *end = text + strlen(text), *comma = strchr(text, ','), *colon = strrchr(text, ':');
    *position = (struct position){ .kind = POSITION_NONE };
    if (comma != NULL) {
        position->kind = POSITION_LSN_PAIR;
        return read_lsn(text, comma, &position->major) && read_lsn(comma + 1, end, &position->minor);
    }
    if (colon == NULL) {
        position->kind = POSITION_LSN;
        return read_lsn(text, end, &position->major);
    }
    if (!read_number(colon + 1, end, 10, &position->minor))
        return false;
    if (colon - text == 4 && memcmp(text, "line", 4) == 0) {
        position->kind = POSITION_LINE;
        return true;
    }
    return read_file(text, (size_t)(colon - text), position);
}

void position_write(const struct position *position, char text[POSITION_TEXT_SIZE]) {
    uint64_t major = position->major, minor = position->minor;
    switch (position->kind) {
    case POSITION_NONE:
        text[0] = '\0';
        return;
    case POSITION_LSN:
        snprintf(text, POSITION_TEXT_SIZE, "%" PRIX64 "/%" PRIX64, major >> 32, major & UINT32_MAX);
        return;
    case POSITION_LSN_PAIR:
        snprintf(text, POSITION_TEXT_SIZE, "%" PRIX64 "/%" PRIX64 ",%" PRIX64 "/%" PRIX64, major >> 32,
                 major & UINT32_MAX, minor >> 32, minor & UINT32_MAX);
        return;
    case POSITION_BINLOG:
        snprintf(text, POSITION_TEXT_SIZE, "%s.%06" PRIu64 ":%" PRIu64, position->name, major, minor);
        return;
    case POSITION_LINE:
        snprintf(text, POSITION_TEXT_SIZE, "line:%" PRIu64, minor);
        return;
    }
}

static bool comparable(const struct position *a, const struct position *b) {
    return a->kind == b->kind && a->kind != POSITION_NONE && strcmp(a->name, b->name) == 0;
}

bool position_same(const struct position *a, const struct position *b) {
    return comparable(a, b) && a->major == b->major && a->minor == b->minor;
}

bool position_within(const struct position *a, const struct position *b) {
    return comparable(a, b) && (a->major < b->major || (a->major == b->major && a->minor <= b->minor));
}
