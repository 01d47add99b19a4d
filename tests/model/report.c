#define _POSIX_C_SOURCE 200809L
#include "model/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char BEGIN[] = "<!-- written by tests/model -->\n", END[] = "<!-- up to here -->\n";

void report_cell(char cell[REPORT_CELL], const struct findings *findings) {
    size_t used = 0;
    snprintf(cell, REPORT_CELL, "0");
    for (int i = NO_BREACH + 1; i < BREACHES; i++)
        if (findings->counts[i] > 0)
            used += (size_t)snprintf(cell + used, REPORT_CELL - used, "%s%" PRIu64 " %s", used > 0 ? ", " : "",
                                     findings->counts[i], breach_name((enum breach)i));
}

/* ---- the tables ---- */

static void write_protocols(const struct report *report, FILE *out, bool ours) {
    fputs("| fault |", out);
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        if (PROTOCOLS[i].ours == ours)
            fprintf(out, " %s |", PROTOCOLS[i].name);
    fputs("\n| --- |", out);
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        if (PROTOCOLS[i].ours == ours)
            fputs(" --- |", out);
    fputc('\n', out);
    for (size_t j = 0; j < FAULTS_COUNT; j++) {
        fprintf(out, "| %s%s |", FAULTS[j].name, ours && FAULTS[j].outside ? " (not promised)" : "");
        for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
            char cell[REPORT_CELL];
            report_cell(cell, &report->findings[i][j]);
            if (PROTOCOLS[i].ours == ours)
                fprintf(out, " %s |", cell);
        }
        fputc('\n', out);
    }
    fputs("| *states* |", out);
    for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
        uint64_t states = 0;
        for (size_t j = 0; j < FAULTS_COUNT; j++)
            states += report->findings[i][j].states;
        if (PROTOCOLS[i].ours == ours)
            fprintf(out, " %" PRIu64 " |", states);
    }
    fputc('\n', out);
}

static void write_omissions(const struct report *report, FILE *out) {
    fputs("| without the rule that | in | under | after | this goes wrong |\n| --- | --- | --- | --- | --- |\n", out);
    for (size_t i = 0; i < OMISSION_COUNT; i++)
        fprintf(out, "| %s | %s | %s | %" PRIu32 " steps | %s |\n", OMISSIONS[i].name, OMISSIONS[i].protocol->name,
                OMISSIONS[i].faults->name, report->omitted[i].steps, breach_text(report->omitted[i].first));
}

/* The caller's, from malloc; NULL for want of memory. */
static char *tables_of(const struct report *report) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return NULL;
    fputs("\nOurs:\n\n", out);
    write_protocols(report, out, true);
    fputs("\nOthers:\n\n", out);
    write_protocols(report, out, false);
    fputs("\nOurs, with one rule left out:\n\n", out);
    write_omissions(report, out);
    fputc('\n', out);
    return fclose(out) == 0 ? text : NULL;
}

/* ---- the file ---- */

static char *read_all(const char *path) {
    FILE *in = fopen(path, "r");
    char *text = NULL;
    long size = -1;
    if (in != NULL && fseek(in, 0, SEEK_END) == 0)
        size = ftell(in);
    if (size >= 0 && fseek(in, 0, SEEK_SET) == 0)
        text = calloc((size_t)size + 1, 1);
    if (text != NULL && fread(text, 1, (size_t)size, in) != (size_t)size) {
        free(text);
        text = NULL;
    }
    if (in != NULL)
        fclose(in);
    if (text == NULL)
        fprintf(stderr, "%s can't be read\n", path);
    return text;
}

/* The place between the marks. */
static bool find_marks(char *text, const char *path, char **from, char **to) {
    *from = strstr(text, BEGIN);
    if (*from != NULL)
        *from += strlen(BEGIN);
    *to = *from != NULL ? strstr(*from, END) : NULL;
    if (*to == NULL)
        fprintf(stderr, "%s has no line '%.*s' with a line '%.*s' behind it\n", path, (int)strlen(BEGIN) - 1, BEGIN,
                (int)strlen(END) - 1, END);
    return *to != NULL;
}

bool report_is_in(const struct report *report, const char *path) {
    char *text = read_all(path), *tables = tables_of(report), *from, *to;
    bool found = text != NULL && tables != NULL && find_marks(text, path, &from, &to);
    bool same = found && (size_t)(to - from) == strlen(tables) && memcmp(from, tables, strlen(tables)) == 0;
    if (found && !same)
        fprintf(stderr, "%s has other tables than were found; `model --write %s` writes these:\n%s", path, path,
                tables);
    free(text);
    free(tables);
    return same;
}

bool report_write(const struct report *report, const char *path) {
    char *text = read_all(path), *tables = tables_of(report), *from, *to;
    bool done = text != NULL && tables != NULL && find_marks(text, path, &from, &to);
    FILE *out = done ? fopen(path, "w") : NULL;
    if (out != NULL) {
        fwrite(text, 1, (size_t)(from - text), out);
        fputs(tables, out);
        fputs(to, out);
        done = fclose(out) == 0;
    }
    free(text);
    free(tables);
    return done && out != NULL;
}

void report_clear(struct report *report) {
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        for (size_t j = 0; j < FAULTS_COUNT; j++)
            free(report->findings[i][j].trace);
    for (size_t i = 0; i < OMISSION_COUNT; i++)
        free(report->omitted[i].trace);
}
