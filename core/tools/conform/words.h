/* words: a line of a case, cut into words; and the memory that a case's texts live in, until the case is over. */
#ifndef RESILICACHE_TOOLS_CONFORM_WORDS_H
#define RESILICACHE_TOOLS_CONFORM_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct arena {
    struct arena_block *blocks;
};

/* Zeroed; NULL for want of memory.  Threads: one at a time. */
void *arena_take(struct arena *arena, size_t size);
void arena_clear(struct arena *arena);

struct word {
    const char *text; /* a zero byte follows, which is not counted */
    size_t size;
    bool quoted;
};

struct words {
    const struct word *items;
    size_t count;
};

/* "quoted text"*3 is one word, bare*3 is bare1 bare2 bare3, # begins a comment.  What is wrong, or NULL. */
const char *words_read(struct arena *arena, const char *line, size_t size, struct words *words);
/* The bare word `text`, and nothing else. */
bool word_is(const struct word *word, const char *text);
bool word_equals(const struct word *word, const char *bytes, size_t size);
/* All of these words but the first. */
struct words words_after_first(struct words words);
/* Cuts the words at the bare word `at`: returns what is before it, and leaves what is behind it in *rest. */
struct words words_split(struct words words, const char *at, struct words *rest);

#endif
