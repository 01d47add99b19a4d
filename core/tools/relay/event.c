#include "relay/event.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

/* By what is most telling first. */
static const struct shape *const SHAPES[] = { &SHAPE_WAL2JSON_2, &SHAPE_WAL2JSON_1, &SHAPE_MAXWELL, &SHAPE_DEBEZIUM };

bool why_set(struct why *why, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return false;
}

json_object *member(json_object *object, const char *name, int type) {
    json_object *found;
    bool is_there = json_object_is_type(object, json_type_object) && json_object_object_get_ex(object, name, &found);
    return is_there && json_object_is_type(found, (enum json_type)type) ? found : NULL;
}

const char *member_text(json_object *object, const char *name) {
    return json_object_get_string(member(object, name, json_type_string)); /* NULL of NULL */
}

bool change_table(struct change *change, const char *schema, const char *table, struct why *why) {
    if (schema == NULL || table == NULL)
        return why_set(why, "the event doesn't name its table");
    int size = snprintf(change->table, sizeof change->table, "%s.%s", schema, table);
    return size < (int)sizeof change->table || why_set(why, "the name of its table is too long");
}

bool image_there(const struct image *image) {
    return image->columns != NULL || image->names != NULL;
}

/* What PostgreSQL doesn't tell of large values that stay as they are. */
static bool is_withheld(json_object *value) {
    return json_object_is_type(value, json_type_string)
        && strcmp(json_object_get_string(value), "__debezium_unavailable_value") == 0;
}

static bool image_value(const struct image *image, const char *column, json_object **value) {
    if (image->columns != NULL && json_object_is_type(image->columns, json_type_object))
        return json_object_object_get_ex(image->columns, column, value) && !is_withheld(*value);
    json_object *names = image->columns != NULL ? image->columns : image->names;
    size_t count = names != NULL ? json_object_array_length(names) : 0;
    for (size_t i = 0; i < count; i++) {
        json_object *name = json_object_array_get_idx(names, i);
        const char *text = image->columns != NULL ? member_text(name, "name") : json_object_get_string(name);
        if (text == NULL || strcmp(text, column) != 0)
            continue;
        if (image->columns != NULL)
            return json_object_object_get_ex(name, "value", value);
        *value = json_object_array_get_idx(image->values, i);
        return i < json_object_array_length(image->values);
    }
    return false;
}

bool change_value(const struct change *change, bool before, const char *column, json_object **value) {
    if (image_value(before ? &change->before : &change->after, column, value))
        return true;
    /* What isn't told anew has not changed. */
    return before ? change->before_in_part && image_value(&change->after, column, value)
                  : image_value(&change->before, column, value);
}

static json_object *parse(const char *line, size_t size, struct why *why) {
    json_tokener *tokener = size < INT_MAX ? json_tokener_new_ex(DEPTH_MAX) : NULL;
    if (tokener == NULL) {
        why_set(why, "no memory");
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
    json_object *parsed = json_tokener_parse_ex(tokener, line, (int)size + 1); /* with the NUL, which ends a number */
    enum json_tokener_error error = json_tokener_get_error(tokener);
    size_t end = json_tokener_get_parse_end(tokener);
    json_tokener_free(tokener);
    if (error == json_tokener_success && end + strspn(line + end, " \t\r") >= size)
        return parsed;
    json_object_put(parsed);
    if (error == json_tokener_success)
        why_set(why, "something follows after the event, at byte %zu: one event a line", end + 1);
    else if (error == json_tokener_continue || error == json_tokener_error_parse_eof)
        why_set(why, "it ends before the event does");
    else
        why_set(why, "no JSON, at byte %zu: %s", end + 1, json_tokener_error_desc(error));
    return NULL;
}

bool event_read(const char *line, size_t size, struct event *event, struct why *why) {
    *event = (struct event){ .line = NULL };
    why->text[0] = '\0';
    event->line = parse(line, size, why);
    if (event->line == NULL) { /* also what JSON's null becomes, which a topic has for what is deleted */
        event->unplaced = why->text[0] == '\0';
        return event->unplaced;
    }
    json_object *payload;
    event->body = event->line;
    if (json_object_object_get_ex(event->line, "payload", &payload)
        && json_object_object_get_ex(event->line, "schema", NULL))
        event->body = payload;
    if (event->body == NULL)
        return event->unplaced = true;
    for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++)
        if (SHAPES[i]->recognizes(event->body)) {
            event->shape = SHAPES[i];
            return event->shape->read(event, why);
        }
    return why_set(why, "no event of wal2json, Maxwell or Debezium: it has no action, change, type or op");
}

bool event_change(const struct event *event, size_t index, struct change *change, struct why *why) {
    *change = (struct change){ .remedy = "" };
    return event->shape->change(event, index, change, why);
}

const char *event_place_remedy(const struct event *event) {
    return event->shape != NULL ? event->shape->place_remedy : "";
}

void event_clear(struct event *event) {
    json_object_put(event->line);
    event->line = event->body = NULL;
}
