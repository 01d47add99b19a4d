/* What came of a call, held against what the case expects. */
#include "conform/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_BYTES_MAX = 60, SHOWN_VALUES_MAX = 20 };

static bool is_status(const struct word *word) {
    return !word->quoted && strncmp(word->text, "RCACHE_", 7) == 0;
}

/* All values, to be freed; NULL where there is no result, or none. */
static rcache_value *values_of(const struct found *found, size_t *count) {
    *count = found->result != NULL ? rcache_result_values(found->result, NULL, 0) : 0;
    rcache_value *values = *count > 0 ? calloc(*count, sizeof *values) : NULL;
    *count = values != NULL ? rcache_result_values(found->result, values, *count) : 0;
    return values;
}

static int32_t status_of(const struct found *found, const char **message) {
    size_t index = 0;
    if (found->result == NULL) {
        *message = found->message;
        return found->status;
    }
    int32_t status = rcache_result_status(found->result, &index);
    *message = status != RCACHE_OK ? rcache_result_message(found->result, index) : "";
    return status;
}

bool found_succeeded(const struct found *found) {
    const char *message;
    return status_of(found, &message) == RCACHE_OK;
}

static bool is_value(const rcache_value *value) {
    return value->outcome == RCACHE_HIT || value->outcome == RCACHE_LOADED || value->outcome == RCACHE_STALE;
}

static bool value_meets(const rcache_value *value, const struct word *word) {
    if (word->quoted)
        return is_value(value) && word_equals(word, value->data, value->size);
    if (is_status(word))
        return value->outcome == RCACHE_FAILED && strcmp(rcache_status_name(value->status), word->text) == 0;
    if (word_is(word, "absent"))
        return value->outcome == RCACHE_ABSENT;
    return word_is(word, "done") && value->status == RCACHE_OK && !is_value(value);
}

static bool failure_meets(const struct found *found, struct words expected) {
    const char *message;
    int32_t status = status_of(found, &message);
    return status != RCACHE_OK && strcmp(rcache_status_name(status), expected.items[0].text) == 0 &&
           (expected.count == 1 || strstr(message, expected.items[2].text) != NULL);
}

/* The rest of the entry's line that begins with the name; *size is -1 without it. */
static const char *line_of(const rcache_value *value, const char *name, int *size) {
    const char *at = value->data, *end = at + value->size;
    size_t name_size = strlen(name);
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        if ((size_t)(stop - at) > name_size && memcmp(at, name, name_size) == 0 && at[name_size] == ' ') {
            *size = (int)(stop - at) - (int)name_size - 1;
            return at + name_size + 1;
        }
        at = stop < end ? stop + 1 : end;
    }
    *size = -1;
    return NULL;
}

static bool line_meets(const rcache_value *value, const struct word *name, const struct word *expected) {
    int size, used = -1;
    long long least, most;
    const char *line = line_of(value, name->text, &size);
    if (size >= 0 && !expected->quoted && sscanf(expected->text, "%lld..%lld%n", &least, &most, &used) == 2 &&
        expected->text[used] == '\0') {
        long long number = strtoll(line, NULL, 10);
        return least <= number && number <= most;
    }
    return size >= 0 && word_equals(expected, line, (size_t)size);
}

static bool entry_meets(const rcache_value *value, struct words expected) {
    bool good = is_value(value) && expected.count > 0 && expected.count % 2 == 0;
    for (size_t i = 0; good && i + 1 < expected.count; i += 2)
        good = line_meets(value, &expected.items[i], &expected.items[i + 1]);
    return good;
}

static bool all_meet(const rcache_value *values, size_t count, struct words expected, const struct call *call) {
    bool named = expected.count == 1 && word_is(expected.items, "named");
    bool good = count == (named ? call->names.count : expected.count);
    for (size_t i = 0; good && i < count; i++) {
        const struct word *name = &call->names.items[i];
        const struct word its_name = { name->text, name->size, true };
        good = value_meets(&values[i], named ? &its_name : &expected.items[i]);
    }
    return good;
}

static bool count_meets(const rcache_value *values, size_t count, const struct word *expected) {
    unsigned long done = 0;
    for (size_t i = 0; i < count; i++)
        done += values[i].outcome == RCACHE_DONE;
    return strtoul(expected->text, NULL, 10) == done;
}

bool found_meets(const struct found *found, struct words expected, const struct call *call) {
    size_t count;
    bool said = expected.count == 3 && word_is(&expected.items[1], "saying");
    if ((expected.count == 1 || said) && is_status(expected.items))
        return failure_meets(found, expected);
    rcache_value *values = values_of(found, &count);
    bool good;
    if (expected.count == 0 || values == NULL)
        good = expected.count == 0 && found_succeeded(found);
    else if (call->verb == VERB_INSPECT && expected.count > 1)
        good = entry_meets(&values[0], expected);
    else if (call->verb == VERB_DELETE)
        good = found_succeeded(found) && count_meets(values, count, &expected.items[0]);
    else
        good = all_meet(values, call->verb == VERB_BATCH ? count : 1, expected, call);
    free(values);
    return good;
}

int64_t found_number(const struct found *found, const char *name) {
    rcache_value value = { 0 };
    int size = -1;
    rcache_result_values(found->result, &value, 1);
    const char *line = is_value(&value) ? line_of(&value, name, &size) : NULL;
    return size >= 0 ? strtoll(line, NULL, 10) : -1;
}

/* ---- in words ---- */

static int show_value(const rcache_value *value, char *text, size_t capacity) {
    if (value->outcome == RCACHE_ABSENT)
        return snprintf(text, capacity, "absent ");
    if (value->outcome == RCACHE_FAILED)
        return snprintf(text, capacity, "%s ", rcache_status_name(value->status));
    if (value->outcome == RCACHE_DONE)
        return snprintf(text, capacity, "done ");
    int size = value->size < SHOWN_BYTES_MAX ? (int)value->size : SHOWN_BYTES_MAX;
    const char *more = value->size > SHOWN_BYTES_MAX ? "..." : "";
    return snprintf(text, capacity, "\"%.*s%s\" ", size, value->size > 0 ? (const char *)value->data : "", more);
}

void found_show(const struct found *found, const struct call *call, char *text, size_t capacity) {
    const char *message;
    int32_t status = status_of(found, &message);
    size_t count, used = 0;
    rcache_value *values = values_of(found, &count);
    text[0] = '\0';
    if (call == NULL || call->verb == VERB_BATCH || count == 0 || status == RCACHE_OK)
        for (size_t i = 0; i < count && i < SHOWN_VALUES_MAX && used < capacity; i++)
            used += (size_t)show_value(&values[i], text + used, capacity - used);
    if (status != RCACHE_OK && used < capacity)
        snprintf(text + used, capacity - used, "%s (%s)", rcache_status_name(status), message);
    else if (used == 0)
        snprintf(text, capacity, "no failure");
    else if (used < capacity)
        text[used - 1] = '\0';
    for (char *at = text; (at = strchr(at, '\n')) != NULL;)
        *at = ' ';
    free(values);
}
