/* options: one table has every option: name, type, default, range, help, and the setting that it fills.
 * URL, command line, bindings and manual all take it from here. */
#ifndef RESILICACHE_RUNTIME_OPTIONS_H
#define RESILICACHE_RUNTIME_OPTIONS_H

#include "runtime/settings.h"

enum option_type {
    OPTION_DURATION,
    OPTION_INTEGER,
    OPTION_NUMBER,
    OPTION_BOOLEAN,
    OPTION_SIZE,
    OPTION_TEXT,
    OPTION_SECRET, /* text that no message repeats */
    OPTION_CHOICE
};

struct option {
    const char *name;
    enum option_type type;
    const char *fallback;
    const char *range; /* "1ms..24h", in the option's own unit, with both ends; of text, its size; "a|b": these */
    size_t offset;     /* of the field of struct settings */
    const char *help;
};

enum { OPTION_COUNT = 55 };

/* What the caller has set, as text that was found good. */
struct rcache_options {
    char *values[OPTION_COUNT]; /* NULL: not set */
};

/* NULL past the last. */
const struct option *option_at(size_t index);
const char *option_type_name(enum option_type type);
/* RCACHE_E_INVALID for a name that is none; the message has the nearest. */
int32_t option_find(const char *name, size_t *index, rcache_error *err);
/* RCACHE_E_INVALID for a value that is none or out of range. */
int32_t option_check(size_t index, const char *value, rcache_error *err);
/* As option_check, then fills the setting; what it owned before is freed. */
int32_t option_store(size_t index, const char *value, struct settings *settings, rcache_error *err);
/* Frees what the setting owns. */
void option_clear(size_t index, struct settings *settings);

#endif
