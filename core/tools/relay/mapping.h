/* mapping: which keys a row has, by templates: "public.users=user:{id}" says that the row of public.users with the id 7
 * is cached under "user:7".  {{ and }} are braces. */
#ifndef RESILICACHE_TOOLS_RELAY_MAPPING_H
#define RESILICACHE_TOOLS_RELAY_MAPPING_H

#include "relay/event.h"
#include "relay/keys.h"

#include <stdbool.h>
#include <stddef.h>

struct part {
    bool is_column;
    char *text; /* its name, or what stands there as it is */
};

struct rule {
    char *table;
    struct part *parts;
    size_t part_count;
};

struct mapping {
    const char *version; /* a column, or "lsn"; NULL: keys have no version */
    struct rule *rules;
    size_t count;
};

/* One rule, as written above; false with `why` in words. */
bool mapping_add(struct mapping *mapping, const char *text, struct why *why);
/* Those of a file, one a line; blank lines and such that begin with '#' are none. */
bool mapping_add_file(struct mapping *mapping, const char *path, struct why *why);
void mapping_free(struct mapping *mapping);

/* Whether the rows of the table have keys. */
bool mapping_has(const struct mapping *mapping, const char *table);
/* Adds the keys of a changed row, those of before and those of after; false with `why`: some of them can't be told. */
bool mapping_apply(const struct mapping *mapping, const struct change *change, struct keys *keys, struct why *why);

#endif
