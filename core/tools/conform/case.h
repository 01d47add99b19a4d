/* case: what is written in cases/, one case after another. */
#ifndef RESILICACHE_TOOLS_CONFORM_CASE_H
#define RESILICACHE_TOOLS_CONFORM_CASE_H

#include <stdbool.h>
#include <stddef.h>

struct text { /* a view */
    const char *data;
    size_t size;
};

struct line {
    const char *file;
    size_t number;
    struct text text;
};

struct test_case {
    struct text chapter, name, needs; /* needs: words between spaces */
    const struct line *lines;
    size_t line_count;
};

struct cases {
    struct test_case *items;
    size_t count;
    struct line *lines; /* of all of them */
};

/* The cases that were built in; false for want of memory. */
bool cases_read(struct cases *cases);
void cases_clear(struct cases *cases);

#endif
