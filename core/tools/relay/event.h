/* event: what one line of a feeder says, whichever of the shapes it has: rows that changed, and where in the stream.
 *
 * Each shape is a file, event_*.c, and knows two things: what the line as a whole is, and its changes one by one. */
#ifndef RESILICACHE_TOOLS_RELAY_EVENT_H
#define RESILICACHE_TOOLS_RELAY_EVENT_H

#include "relay/position.h"

#include <stdbool.h>
#include <stddef.h>

struct json_object;

struct why {
    char text[400];
};

/* Always false, so that what fails can return it. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
bool why_set(struct why *why, const char *format, ...);

/* A row as it was or is: an object of its columns, or a list of {"name", "value"}, or a list of names and one of
 * values.  All NULL: there is none. */
struct image {
    struct json_object *columns;
    struct json_object *names;
    struct json_object *values;
};

bool image_there(const struct image *image);

enum { TABLE_SIZE = 520 };

struct change {
    char table[TABLE_SIZE]; /* "schema.table" */
    bool emptied;           /* all its rows are gone, and none of them is told */
    struct image before, after;
    bool before_in_part;    /* what `before` lacks is as in `after` */
    uint64_t commit_lsn;    /* where its transaction ends; 0: not told */
    const char *remedy;     /* where a column is missing */
};

/* The value of a column before or after the change; false: the event doesn't tell. */
bool change_value(const struct change *change, bool before, const char *column, struct json_object **value);

struct shape;

struct event {
    struct json_object *line; /* the event's own */
    struct json_object *body; /* in it: without an envelope */
    const struct shape *shape;
    size_t change_count;
    struct position position; /* none: see `inside` */
    bool inside;              /* it belongs to the position of the event before */
    bool complete;            /* nothing more comes of this position */
    bool unplaced;            /* it has no position, and needs none: read from the table, not from its log */
};

struct shape {
    bool (*recognizes)(struct json_object *body);
    bool (*read)(struct event *event, struct why *why);
    bool (*change)(const struct event *event, size_t index, struct change *change, struct why *why);
    const char *place_remedy; /* where events have no position */
};

extern const struct shape SHAPE_DEBEZIUM, SHAPE_MAXWELL, SHAPE_WAL2JSON_1, SHAPE_WAL2JSON_2;

/* Reads a line that ends in NUL; false with `why`.  To be cleared in any case. */
bool event_read(const char *line, size_t size, struct event *event, struct why *why);
bool event_change(const struct event *event, size_t index, struct change *change, struct why *why);
/* What to do to get positions. */
const char *event_place_remedy(const struct event *event);
void event_clear(struct event *event);

/* For shapes.  A member of an object, if it is of that type, else NULL. */
struct json_object *member(struct json_object *object, const char *name, int type);
/* Such a member that is a text; NULL: there is none. */
const char *member_text(struct json_object *object, const char *name);
/* False with `why`: a name is missing or too long. */
bool change_table(struct change *change, const char *schema, const char *table, struct why *why);

#endif
