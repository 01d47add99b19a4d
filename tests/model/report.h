/* report: what was found, as the tables of docs/model.md. */
#ifndef RESILICACHE_TESTS_MODEL_REPORT_H
#define RESILICACHE_TESTS_MODEL_REPORT_H

#include "model/search.h"

struct report {
    struct findings findings[PROTOCOL_COUNT][FAULTS_COUNT];
    struct findings omitted[OMISSION_COUNT];
};

enum { REPORT_CELL = 160 };
/* "0", or how much of what. */
void report_cell(char cell[REPORT_CELL], const struct findings *findings);

/* Whether the file has these very tables between its marks; says so if not. */
bool report_is_in(const struct report *report, const char *path);
/* Puts them there. */
bool report_write(const struct report *report, const char *path);
void report_clear(struct report *report);

#endif
