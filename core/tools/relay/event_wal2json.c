/* event_wal2json: what pg_recvlogical prints of the plugin wal2json, in both of its formats.
 *
 * 1: {"nextlsn": "0/...", "change": [{"kind": "update", "schema", "table", "columnnames", "columnvalues",
 *    "oldkeys": {"keynames", "keyvalues"}}, ...]}, a transaction a line
 * 2: {"action": "B" | "I" | "U" | "D" | "T" | "M" | "C", ...}, a change a line between B and C
 *
 * An LSN of a change is no position: changes of transactions that overlap come by their commits, not by their LSNs. */
#include "relay/event.h"
#include "relay/moment.h"

#include <json-c/json.h>
#include <string.h>

#define REPLICA_IDENTITY "columns beside the primary key's need ALTER TABLE ... REPLICA IDENTITY FULL"

static bool read_place(struct event *event, struct why *why) {
    const char *lsn = member_text(event->body, "nextlsn");
    if (lsn == NULL)
        return true;
    event->position.kind = POSITION_LSN;
    event->position.committed_ms = moment_read(member_text(event->body, "timestamp"));
    return position_read_lsn(lsn, &event->position.major) || why_set(why, "'%.40s' is no LSN", lsn);
}

static bool recognizes_1(json_object *body) {
    return member(body, "change", json_type_array) != NULL;
}

static bool read_1(struct event *event, struct why *why) {
    event->change_count = json_object_array_length(member(event->body, "change", json_type_array));
    event->complete = true;
    return read_place(event, why);
}

static bool change_1(const struct event *event, size_t index, struct change *change, struct why *why) {
    json_object *from = json_object_array_get_idx(member(event->body, "change", json_type_array), index);
    json_object *old = member(from, "oldkeys", json_type_object);
    const char *kind = member_text(from, "kind");
    if (kind != NULL && strcmp(kind, "message") == 0)
        return true;
    change->remedy = REPLICA_IDENTITY ", and format-version 2";
    change->emptied = kind != NULL && strcmp(kind, "truncate") == 0;
    change->before = (struct image){ NULL, member(old, "keynames", json_type_array),
                                     member(old, "keyvalues", json_type_array) };
    change->after = (struct image){ NULL, member(from, "columnnames", json_type_array),
                                    member(from, "columnvalues", json_type_array) };
    bool has_images = (change->before.names == NULL) == (change->before.values == NULL)
                   && (change->after.names == NULL) == (change->after.values == NULL)
                   && (image_there(&change->before) || image_there(&change->after));
    if (kind == NULL || (!change->emptied && !has_images))
        return why_set(why, "change %zu of the event lacks its kind or its columns", index + 1);
    return change_table(change, member_text(from, "schema"), member_text(from, "table"), why);
}

static bool recognizes_2(json_object *body) {
    return member_text(body, "action") != NULL;
}

static bool read_2(struct event *event, struct why *why) {
    const char *action = member_text(event->body, "action");
    if (strlen(action) != 1 || strchr("BCIUDTM", action[0]) == NULL)
        return why_set(why, "'%.40s' is no action of wal2json", action);
    if (action[0] == 'B' || action[0] == 'C') {
        event->complete = action[0] == 'C';
        return read_place(event, why);
    }
    event->unplaced = action[0] == 'M';
    event->inside = !event->unplaced;
    event->change_count = event->inside;
    return true;
}

static bool change_2(const struct event *event, size_t index, struct change *change, struct why *why) {
    (void)index;
    char action = member_text(event->body, "action")[0];
    change->remedy = REPLICA_IDENTITY;
    change->emptied = action == 'T';
    change->before.columns = member(event->body, "identity", json_type_array);
    change->after.columns = member(event->body, "columns", json_type_array);
    if ((change->before.columns == NULL && action == 'D') || (change->after.columns == NULL && strchr("IU", action)))
        return why_set(why, "the event lacks its %s", action == 'D' ? "identity" : "columns");
    return change_table(change, member_text(event->body, "schema"), member_text(event->body, "table"), why);
}

const struct shape SHAPE_WAL2JSON_1 = { recognizes_1, read_1, change_1, "have wal2json write it: -o include-lsn=1" };
const struct shape SHAPE_WAL2JSON_2 = { recognizes_2, read_2, change_2,
                                        "have wal2json write it: -o include-lsn=1 -o include-transaction=1" };
