#include "conform/case.h"

#include <errno.h>
#include <stdio.h>
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

/* The whole file, with a line end at its end; NULL with errno. */
static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    long size = -1;
    if (file == NULL)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0)
        text = calloc(1, (size_t)size + 2);
    if (text != NULL && fread(text, 1, (size_t)size, file) != (size_t)size) {
        free(text);
        text = NULL;
    }
    fclose(file);
    if (text != NULL)
        text[size] = '\n';
    return text;
}

static const char *take_files(struct cases *cases, char **paths, size_t count) {
    cases->file_count = count > 0 ? count : FILE_COUNT;
    cases->files = calloc(cases->file_count, sizeof *cases->files);
    cases->texts = calloc(count + 1, sizeof *cases->texts);
    if (cases->files == NULL || cases->texts == NULL)
        return "no memory";
    if (count == 0)
        memcpy(cases->files, FILES, sizeof FILES);
    for (size_t i = 0; i < count; i++) {
        if ((cases->texts[i] = read_file(paths[i])) == NULL)
            return strerror(errno);
        const char *slash = strrchr(paths[i], '/');
        cases->files[i] = (struct file){ slash != NULL ? slash + 1 : paths[i], cases->texts[i] };
    }
    return NULL;
}

static void read_lines(struct cases *cases, const struct file *file, size_t *used) {
    struct text chapter = { "", 0 };
    struct line line = { .file = file->name };
    for (const char *at = file->text, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        line.number++;
        line.text = trimmed(at, end);
        if (line.text.size > 0 && line.text.data[0] != '#')
            read_line(cases, &line, used, &chapter);
    }
}

const char *cases_read(struct cases *cases, char **paths, int path_count) {
    size_t line_count = 1, used = 0;
    *cases = (struct cases){ 0 };
    const char *problem = take_files(cases, paths, (size_t)path_count);
    if (problem != NULL)
        return problem;
    for (size_t i = 0; i < cases->file_count; i++)
        for (const char *at = cases->files[i].text; (at = strchr(at, '\n')) != NULL; at++)
            line_count++;
    cases->items = calloc(line_count, sizeof *cases->items);
    cases->lines = calloc(line_count, sizeof *cases->lines);
    if (cases->items == NULL || cases->lines == NULL)
        return "no memory";
    for (size_t i = 0; i < cases->file_count; i++)
        read_lines(cases, &cases->files[i], &used);
    return cases->count > 0 ? NULL : "there is no case in them";
}

void cases_clear(struct cases *cases) {
    for (size_t i = 0; cases->texts != NULL && cases->texts[i] != NULL; i++)
        free(cases->texts[i]);
    free(cases->texts);
    free(cases->files);
    free(cases->items);
    free(cases->lines);
    *cases = (struct cases){ 0 };
}
