/* event_maxwell: what Maxwell's daemon prints of MySQL's or MariaDB's binlog.
 *
 * {"database", "table", "type": "insert" | "update" | "delete" | "bootstrap-insert" | ..., "data": {...}, "old": {...},
 *  "commit": true, "position": "binlog.000003:154"}; `old` has what an update changed. */
#include "relay/event.h"

#include <json-c/json.h>
#include <string.h>

static bool recognizes(json_object *body) {
    return member_text(body, "type") != NULL && member_text(body, "database") != NULL;
}

static bool is_one_of(const char *type, const char *const types[3]) {
    for (size_t i = 0; i < 3; i++)
        if (types[i] != NULL && strcmp(type, types[i]) == 0)
            return true;
    return false;
}

static bool read_event(struct event *event, struct why *why) {
    static const char *const rows[3] = { "insert", "update", "delete" }, *const gone[3] = { "table-drop" };
    const char *type = member_text(event->body, "type"), *place = member_text(event->body, "position");
    bool copied = strcmp(type, "bootstrap-insert") == 0;
    event->change_count = is_one_of(type, rows) || is_one_of(type, gone) || copied;
    if (!event->change_count && strncmp(type, "bootstrap-", 10) != 0 && strncmp(type, "table-", 6) != 0
        && strncmp(type, "database-", 9) != 0)
        return why_set(why, "'%.40s' is no type of Maxwell's", type);
    event->unplaced = !is_one_of(type, rows);
    event->complete = json_object_get_boolean(member(event->body, "commit", json_type_boolean));
    if (place == NULL || event->unplaced)
        return true;
    if (!position_read(place, &event->position) || event->position.kind != POSITION_BINLOG)
        return why_set(why, "'%.80s' is no position in a binlog", place);
    event->position.committed_ms = 1000 * (int64_t)json_object_get_int(member(event->body, "ts", json_type_int));
    return true;
}

static bool read_change(const struct event *event, size_t index, struct change *change, struct why *why) {
    (void)index;
    const char *type = member_text(event->body, "type");
    json_object *data = member(event->body, "data", json_type_object);
    change->remedy = "have the binlog hold whole rows, by binlog_row_image=FULL";
    change->emptied = strcmp(type, "table-drop") == 0;
    if (data == NULL && !change->emptied)
        return why_set(why, "the event lacks its data");
    if (strcmp(type, "delete") == 0)
        change->before.columns = data;
    else
        change->after.columns = data;
    if (strcmp(type, "update") == 0) {
        change->before.columns = member(event->body, "old", json_type_object);
        change->before_in_part = true;
    }
    return change_table(change, member_text(event->body, "database"), member_text(event->body, "table"), why);
}

const struct shape SHAPE_MAXWELL = { recognizes, read_event, read_change,
                                     "have Maxwell write it: output_binlog_position=true" };
