/* doctor: what an examination means for a cache at this URL, and how it is told. */
#ifndef RESILICACHE_TOOLS_DOCTOR_H
#define RESILICACHE_TOOLS_DOCTOR_H

#include "examine.h"
#include "tool.h"

enum { WARNINGS_MAX = 16, WARNING_SIZE = 240 };

struct diagnosis {
    struct examination found;
    size_t others;              /* further servers that are known */
    char failure[FAILURE_SIZE]; /* "": it can be used */
    char warnings[WARNINGS_MAX][WARNING_SIZE];
    size_t warning_count;
};

/* What the cache uses it for, and what is so without it. */
struct meaning {
    const char *name;
    const char *use;
    const char *without;
};

const struct meaning *meaning_of(enum capability capability);

void diagnosis_print(const struct diagnosis *diagnosis);
void diagnosis_print_json(const struct diagnosis *diagnosis);

#endif
