/* case: what is written in cases/ or in files of a user's, one case after another. */
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
    struct file *files;
    size_t file_count;
    char **texts; /* of files that were read */
};

/* The cases in these files or, without any, those that were built in.  What is wrong, or NULL. */
const char *cases_read(struct cases *cases, char **paths, int path_count);
void cases_clear(struct cases *cases);

#endif
