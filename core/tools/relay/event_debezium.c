/* event_debezium: what Debezium sends of a change, alone or in its envelope with a schema (event.c opens that).
 *
 * {"op": "c" | "u" | "d" | "r" | "t" | "m", "before": {...}, "after": {...}, "source": {...}}
 *
 * The source's `sequence` tells PostgreSQL's position: the last commit before and the change's own LSN: they grow along
 * the stream; the latter alone doesn't.  For MySQL it is `file` and `pos`. */
#include "relay/event.h"

#include <json-c/json.h>
#include <string.h>

static bool recognizes(json_object *body) {
    bool is_heartbeat = json_object_is_type(body, json_type_object) && json_object_object_get_ex(body, "ts_ms", NULL);
    return member_text(body, "op") != NULL || is_heartbeat || member_text(body, "status") != NULL;
}

static bool read_place(struct event *event, json_object *source, struct why *why) {
    const char *sequence = member_text(source, "sequence"), *file = member_text(source, "file");
    json_object *offset = member(source, "pos", json_type_int);
    struct position *position = &event->position;
    if (file != NULL && offset != NULL)
        return position_of_binlog(file, json_object_get_uint64(offset), position)
            || why_set(why, "'%.80s' is no file of a binlog", file);
    if (sequence == NULL)
        return true;
    json_object *pair = json_tokener_parse(sequence);
    bool is_pair = json_object_is_type(pair, json_type_array) && json_object_array_length(pair) == 2;
    if (is_pair) { /* texts of decimal numbers; the first commit has none before it: null */
        position->kind = POSITION_LSN_PAIR;
        position->major = json_object_get_uint64(json_object_array_get_idx(pair, 0));
        position->minor = json_object_get_uint64(json_object_array_get_idx(pair, 1));
    }
    json_object_put(pair);
    return is_pair || why_set(why, "'%.80s' is no sequence of two LSNs", sequence);
}

/* "false", or how far a snapshot has come. */
static bool is_of_snapshot(json_object *source) {
    json_object *snapshot;
    if (!json_object_is_type(source, json_type_object) || !json_object_object_get_ex(source, "snapshot", &snapshot))
        return false;
    const char *text = json_object_get_string(snapshot);
    return text != NULL && strcmp(text, "false") != 0;
}

static bool read_event(struct event *event, struct why *why) {
    const char *op = member_text(event->body, "op");
    json_object *source = member(event->body, "source", json_type_object);
    if (op == NULL) { /* a heartbeat, a transaction's begin or end, a changed schema */
        event->unplaced = true;
        return true;
    }
    if (strlen(op) != 1 || strchr("cudrtm", op[0]) == NULL)
        return why_set(why, "'%.40s' is no op of Debezium", op);
    if (source == NULL)
        return why_set(why, "the event lacks its source");
    event->change_count = op[0] != 'm';
    event->unplaced = op[0] == 'r' || op[0] == 'm' || is_of_snapshot(source);
    if (!event->unplaced && !read_place(event, source, why))
        return false;
    event->position.committed_ms = json_object_get_int64(member(source, "ts_ms", json_type_int)); /* 0 of NULL */
    return true;
}

static bool read_change(const struct event *event, size_t index, struct change *change, struct why *why) {
    (void)index;
    char op = member_text(event->body, "op")[0];
    json_object *source = member(event->body, "source", json_type_object);
    const char *schema = member_text(source, "schema"), *database = member_text(source, "db");
    change->remedy = "have the database log whole rows: REPLICA IDENTITY FULL, or binlog_row_image=FULL";
    change->emptied = op == 't';
    change->before.columns = member(event->body, "before", json_type_object);
    change->after.columns = member(event->body, "after", json_type_object);
    if ((change->before.columns == NULL && op == 'd') || (change->after.columns == NULL && strchr("cur", op)))
        return why_set(why, "the event lacks its '%s'", op == 'd' ? "before" : "after");
    return change_table(change, schema != NULL ? schema : database, member_text(source, "table"), why);
}

const struct shape SHAPE_DEBEZIUM = { recognizes, read_event, read_change,
                                      "only Debezium's connectors for PostgreSQL and MySQL tell it" };
