#include "conform/words.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPEATED_SIZE_MAX = 64 << 20, COUNTED_MAX = 100000 };

struct arena_block {
    struct arena_block *next;
    max_align_t bytes[];
};

void *arena_take(struct arena *arena, size_t size) {
    struct arena_block *block = calloc(1, sizeof *block + size + 1);
    if (block == NULL)
        return NULL;
    block->next = arena->blocks;
    arena->blocks = block;
    return block->bytes;
}

void arena_clear(struct arena *arena) {
    while (arena->blocks != NULL) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
}

bool word_equals(const struct word *word, const char *bytes, size_t size) {
    return word->size == size && (size == 0 || memcmp(word->text, bytes, size) == 0);
}

bool word_is(const struct word *word, const char *text) {
    return !word->quoted && word_equals(word, text, strlen(text));
}

struct words words_after_first(struct words words) {
    return words.count > 0 ? (struct words){ words.items + 1, words.count - 1 } : words;
}

struct words words_split(struct words words, const char *at, struct words *rest) {
    size_t i = 0;
    while (i < words.count && !word_is(&words.items[i], at))
        i++;
    *rest = (struct words){ words.items + i, words.count - i };
    *rest = words_after_first(*rest);
    return (struct words){ words.items, i };
}

/* ---- reading ---- */

struct reader {
    struct arena *arena;
    const char *at, *end;
    struct word *items;
    size_t count, capacity;
};

static struct word *word_add(struct reader *reader) {
    if (reader->count == reader->capacity) {
        size_t capacity = reader->capacity > 0 ? reader->capacity * 2 : 16;
        struct word *items = arena_take(reader->arena, capacity * sizeof *items);
        if (items == NULL)
            return NULL;
        if (reader->count > 0)
            memcpy(items, reader->items, reader->count * sizeof *items);
        reader->items = items;
        reader->capacity = capacity;
    }
    return &reader->items[reader->count++];
}

/* The number behind a '*' at `at`, or 1; *at is moved behind it. */
static size_t read_count(const char **at, const char *end) {
    const char *digit = *at + 1;
    size_t count = 0;
    if (*at == end || **at != '*' || digit == end)
        return 1;
    for (; digit < end && *digit >= '0' && *digit <= '9' && count <= REPEATED_SIZE_MAX; digit++)
        count = count * 10 + (size_t)(*digit - '0');
    if (digit == *at + 1)
        return 1;
    *at = digit;
    return count;
}

static char hex_of(char digit) {
    return (char)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

static bool is_hex(char digit) {
    return (digit >= '0' && digit <= '9') || ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f');
}

/* The byte that stands behind a backslash; at least one is there. */
static char read_escape(struct reader *reader) {
    char letter = *reader->at++;
    if (letter == 'x' && reader->end - reader->at >= 2 && is_hex(reader->at[0]) && is_hex(reader->at[1])) {
        reader->at += 2;
        return (char)(hex_of(reader->at[-2]) << 4 | hex_of(reader->at[-1]));
    }
    return letter == 'n' ? '\n' : letter == 't' ? '\t' : letter == 'r' ? '\r' : letter == '0' ? '\0' : letter;
}

static const char *read_quoted(struct reader *reader) {
    size_t size = 0;
    char *once = arena_take(reader->arena, (size_t)(reader->end - reader->at));
    if (once == NULL)
        return "no memory";
    for (reader->at++; reader->at < reader->end && *reader->at != '"';) {
        char byte = *reader->at++;
        if (byte == '\\' && reader->at < reader->end)
            byte = read_escape(reader);
        once[size++] = byte;
    }
    if (reader->at == reader->end)
        return "a quoted text without its end";
    reader->at++;
    size_t count = read_count(&reader->at, reader->end);
    if (reader->at < reader->end && *reader->at != ' ')
        return "something right behind a quoted text";
    if (size > 0 && count > REPEATED_SIZE_MAX / size)
        return "a quoted text that is too long";
    char *text = arena_take(reader->arena, size * count);
    struct word *word = word_add(reader);
    if (text == NULL || word == NULL)
        return "no memory";
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * size, once, size);
    *word = (struct word){ text, size * count, true };
    return NULL;
}

static const char *add_bare(struct reader *reader, const char *begin, size_t size, size_t number) {
    char *text = arena_take(reader->arena, size + 24);
    struct word *word = word_add(reader);
    if (text == NULL || word == NULL)
        return "no memory";
    memcpy(text, begin, size);
    int digits = number > 0 ? snprintf(text + size, 24, "%zu", number) : 0;
    *word = (struct word){ text, size + (size_t)digits, false };
    return NULL;
}

static const char *read_bare(struct reader *reader) {
    const char *begin = reader->at, *star = NULL, *problem = NULL;
    for (; reader->at < reader->end && *reader->at != ' ' && *reader->at != '"'; reader->at++)
        star = *reader->at == '*' ? reader->at : star;
    const char *behind = star;
    size_t count = star != NULL ? read_count(&behind, reader->at) : 1;
    if (star == NULL || behind != reader->at)
        return add_bare(reader, begin, (size_t)(reader->at - begin), 0);
    if (count > COUNTED_MAX)
        return "a count that is too large";
    for (size_t i = 1; i <= count && problem == NULL; i++)
        problem = add_bare(reader, begin, (size_t)(star - begin), i);
    return problem;
}

const char *words_read(struct arena *arena, const char *line, size_t size, struct words *words) {
    struct reader reader = { .arena = arena, .at = line, .end = line + size };
    const char *problem = NULL;
    while (problem == NULL) {
        while (reader.at < reader.end && *reader.at == ' ')
            reader.at++;
        if (reader.at == reader.end || *reader.at == '#')
            break;
        problem = *reader.at == '"' ? read_quoted(&reader) : read_bare(&reader);
    }
    *words = (struct words){ reader.items, reader.count };
    return problem;
}
