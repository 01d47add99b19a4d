#define _POSIX_C_SOURCE 200809L
#include "relay/mapping.h"

#include "abi/handle.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RULES_MAX = 10000 };

/* The end of the part that begins here, and where the next one begins; NULL: a brace stands alone. */
static const char *part_end(const char *text, bool *is_column, const char **next) {
    *is_column = text[0] == '{' && text[1] != '{';
    if (*is_column) {
        const char *end = strchr(text, '}');
        *next = end != NULL ? end + 1 : NULL;
        return end != NULL && end > text + 1 ? end : NULL;
    }
    if (text[0] == '{' || text[0] == '}') { /* {{ or }}: one of them is the part */
        *next = text + 2;
        return text[1] == text[0] ? text + 1 : NULL;
    }
    const char *end = text + strcspn(text, "{}");
    *next = end;
    return end;
}

static bool add_part(struct rule *rule, bool is_column, const char *text, size_t size) {
    struct part *parts = realloc(rule->parts, (rule->part_count + 1) * sizeof *parts);
    if (parts == NULL)
        return false;
    rule->parts = parts;
    char *copy = strndup(text, size);
    if (copy == NULL)
        return false;
    rule->parts[rule->part_count++] = (struct part){ is_column, copy };
    return true;
}

static void rule_clear(struct rule *rule) {
    for (size_t i = 0; i < rule->part_count; i++)
        free(rule->parts[i].text);
    free(rule->parts);
    free(rule->table);
}

static bool read_template(struct rule *rule, const char *template, struct why *why) {
    size_t columns = 0;
    for (const char *at = template, *next; *at != '\0'; at = next) {
        bool is_column;
        const char *end = part_end(at, &is_column, &next);
        if (end == NULL)
            return why_set(why, "in '%s' a brace stands alone: write {column}, and {{ or }} for a brace", template);
        columns += is_column;
        if (!add_part(rule, is_column, is_column ? at + 1 : at, (size_t)(end - at) - is_column))
            return why_set(why, "no memory");
    }
    return columns > 0 || why_set(why, "'%s' names no column: write one, as in user:{id}", template);
}

bool mapping_add(struct mapping *mapping, const char *text, struct why *why) {
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return why_set(why, "'%s' is no TABLE=KEY, as in public.users=user:{id}", text);
    if (mapping->count == RULES_MAX)
        return why_set(why, "more than %d maps", RULES_MAX);
    struct rule *rules = realloc(mapping->rules, (mapping->count + 1) * sizeof *rules);
    if (rules == NULL)
        return why_set(why, "no memory");
    mapping->rules = rules;
    struct rule *rule = &mapping->rules[mapping->count++];
    *rule = (struct rule){ strndup(text, (size_t)(equals - text)), NULL, 0 };
    if (rule->table == NULL)
        return why_set(why, "no memory");
    if (strchr(rule->table, '.') == NULL)
        return why_set(why, "'%s' names no schema: write it before the table, as in public.%s", rule->table,
                       rule->table);
    return read_template(rule, equals + 1, why);
}

bool mapping_add_file(struct mapping *mapping, const char *path, struct why *why) {
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return why_set(why, "cannot read %s: %s", path, strerror(errno));
    char *line = NULL;
    size_t capacity = 0;
    bool good = true;
    for (size_t number = 1; good && getline(&line, &capacity, file) >= 0; number++) {
        line[strcspn(line, "\r\n")] = '\0';
        struct why inner;
        if (line[strspn(line, " \t")] == '\0' || line[0] == '#')
            continue;
        if (!mapping_add(mapping, line, &inner))
            good = why_set(why, "%s, line %zu: %s", path, number, inner.text);
    }
    if (good && ferror(file))
        good = why_set(why, "cannot read %s: %s", path, strerror(errno));
    free(line);
    fclose(file);
    return good;
}

void mapping_free(struct mapping *mapping) {
    for (size_t i = 0; i < mapping->count; i++)
        rule_clear(&mapping->rules[i]);
    free(mapping->rules);
    *mapping = (struct mapping){ .rules = NULL };
}

enum made { MADE, MADE_NONE, NOT_MADE };

static enum made append_value(json_object *value, const char *column, struct keys *keys, struct why *why) {
    enum json_type type = json_object_get_type(value);
    if (type == json_type_null)
        return MADE_NONE; /* no row is found by it */
    if (type == json_type_array || type == json_type_object) {
        why_set(why, "the column '%s' is a list or an object: a key needs a text or a number", column);
        return NOT_MADE;
    }
    /* What is beyond all integers here has become the last of them: then it is not known any more. */
    if (type == json_type_int
        && (json_object_get_uint64(value) == UINT64_MAX || json_object_get_int64(value) == INT64_MIN)) {
        why_set(why, "the column '%s' has too large a number for a key: have the feeder write it as text", column);
        return NOT_MADE;
    }
    bool is_text = type == json_type_string;
    /* Numbers as they were written: 1.10 stays so. */
    const char *text = is_text ? json_object_get_string(value) : json_object_to_json_string(value);
    size_t size = is_text ? (size_t)json_object_get_string_len(value) : text != NULL ? strlen(text) : 0;
    if (text == NULL || !keys_append(keys, text, size)) {
        why_set(why, "no memory");
        return NOT_MADE;
    }
    return MADE;
}

static enum made make_key(const struct rule *rule, const struct change *change, bool before, uint64_t version,
                          struct keys *keys, struct why *why) {
    enum made made = MADE;
    for (size_t i = 0; i < rule->part_count && made == MADE; i++) {
        const struct part *part = &rule->parts[i];
        json_object *value;
        if (!part->is_column) {
            if (!keys_append(keys, part->text, strlen(part->text))) {
                why_set(why, "no memory");
                made = NOT_MADE;
            }
        } else if (change_value(change, before, part->text, &value)) {
            made = append_value(value, part->text, keys, why);
        } else {
            why_set(why, "the event of %s has no column '%s' as it was %s the change: %s", change->table, part->text,
                    before ? "before" : "after", change->remedy);
            made = NOT_MADE;
        }
    }
    if (made == MADE && keys->making.size > KEY_SIZE_MAX) {
        why_set(why, "a key of %s would have %zu bytes, and no cache has one above %d", change->table,
                keys->making.size, KEY_SIZE_MAX);
        made = NOT_MADE;
    }
    if (made == MADE && !keys_end(keys, version)) {
        why_set(why, "no memory");
        made = NOT_MADE;
    }
    if (made != MADE)
        keys_abandon(keys);
    return made;
}

/* The versions of the row before and after; 0: not told. */
static bool read_versions(const struct mapping *mapping, const struct change *change, uint64_t versions[2],
                          struct why *why) {
    json_object *value;
    versions[0] = versions[1] = 0;
    if (mapping->version == NULL)
        return true;
    if (strcmp(mapping->version, "lsn") == 0) {
        versions[0] = versions[1] = change->commit_lsn;
        return change->commit_lsn > 0
            || why_set(why, "the event has no LSN of its commit: only wal2json tells it, with include-lsn=1");
    }
    /* What a row has left behind is another row's, with versions of its own. */
    if (!image_there(&change->after) || !change_value(change, false, mapping->version, &value) || value == NULL)
        return true;
    if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0
        && json_object_get_uint64(value) <= INT64_MAX) {
        versions[1] = json_object_get_uint64(value);
        return true;
    }
    return why_set(why, "the column '%s' of %s is no version: that is a number from 0 to 9223372036854775807",
                   mapping->version, change->table);
}

static bool apply_rule(const struct rule *rule, const struct change *change, const uint64_t versions[2],
                       struct keys *keys, struct why *why) {
    if (change->emptied)
        return why_set(why, "%s was emptied as a whole, and which keys that concerns can't be told: flush the cache, "
                            "or let them stay for their time to live, and go on by --skip-truncate", change->table);
    bool before = !image_there(&change->before) || make_key(rule, change, true, versions[0], keys, why) != NOT_MADE;
    bool after = !image_there(&change->after) || make_key(rule, change, false, versions[1], keys, why) != NOT_MADE;
    return before && after;
}

bool mapping_has(const struct mapping *mapping, const char *table) {
    for (size_t i = 0; i < mapping->count; i++)
        if (strcmp(mapping->rules[i].table, table) == 0)
            return true;
    return false;
}

bool mapping_apply(const struct mapping *mapping, const struct change *change, struct keys *keys, struct why *why) {
    bool all = true;
    for (size_t i = 0; i < mapping->count; i++) {
        uint64_t versions[2];
        if (strcmp(mapping->rules[i].table, change->table) != 0)
            continue;
        all = read_versions(mapping, change, versions, why) && all;
        all = apply_rule(&mapping->rules[i], change, versions, keys, why) && all;
    }
    return all;
}
