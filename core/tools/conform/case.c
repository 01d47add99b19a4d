#include "conform/case.h"

#include <stdlib.h>
#include <string.h>

struct file {
    const char *name;
    const char *text;
};

/* Made of the files in cases/ by cmake/embed_cases.cmake. */
static const struct file FILES[] = {
#define CASES(name, text) { name, text },
#include "cases.inc"
#undef CASES
};

enum { FILE_COUNT = sizeof FILES / sizeof FILES[0] };

static struct text trimmed(const char *begin, const char *end) {
    while (begin < end && *begin == ' ')
        begin++;
    while (end > begin && end[-1] == ' ')
        end--;
    return (struct text){ begin, (size_t)(end - begin) };
}

/* What stands behind the line's first word, if that is `word`. */
static bool take_word(struct text line, const char *word, struct text *rest) {
    size_t size = strlen(word);
    if (line.size <= size || memcmp(line.data, word, size) != 0 || line.data[size] != ' ')
        return false;
    *rest = trimmed(line.data + size, line.data + line.size);
    return true;
}

static void read_line(struct cases *cases, const struct line *line, size_t *used, struct text *chapter) {
    struct test_case *last = cases->count > 0 ? &cases->items[cases->count - 1] : NULL;
    struct text rest;
    if (take_word(line->text, "chapter", &rest)) {
        *chapter = rest;
    } else if (take_word(line->text, "case", &rest)) {
        cases->items[cases->count++] =
            (struct test_case){ .chapter = *chapter, .name = rest, .lines = cases->lines + *used };
    } else if (last != NULL && take_word(line->text, "needs", &rest)) {
        last->needs = rest;
    } else if (last != NULL) {
        cases->lines[(*used)++] = *line;
        last->line_count++;
    }
}

bool cases_read(struct cases *cases) {
    size_t line_count = 0, used = 0;
    for (size_t i = 0; i < FILE_COUNT; i++)
        for (const char *at = FILES[i].text; (at = strchr(at, '\n')) != NULL; at++)
            line_count++;
    *cases = (struct cases){ calloc(line_count, sizeof *cases->items), 0, calloc(line_count, sizeof *cases->lines) };
    if (cases->items == NULL || cases->lines == NULL) {
        cases_clear(cases);
        return false;
    }
    for (size_t i = 0; i < FILE_COUNT; i++) {
        struct text chapter = { "", 0 };
        struct line line = { .file = FILES[i].name };
        for (const char *at = FILES[i].text, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
            line.number++;
            line.text = trimmed(at, end);
            if (line.text.size > 0 && line.text.data[0] != '#')
                read_line(cases, &line, &used, &chapter);
        }
    }
    return true;
}

void cases_clear(struct cases *cases) {
    free(cases->items);
    free(cases->lines);
    *cases = (struct cases){ NULL, 0, NULL };
}
