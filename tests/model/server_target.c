/* A real server, by the codec and the scripts that are shipped. */
#define _POSIX_C_SOURCE 200809L
#include "backend/redis/meta.h"
#include "differential/wire.h"
#include "model/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const uint64_t EPOCHS[] = { 0xa0, 0xb1 };

static bool execute(struct target *target, struct request *request, int8_t history) {
    struct wire *wire = target->own;
    wire->facts.epoch = EPOCHS[history];
    return wire_execute(wire, request);
}

static int8_t lease_of(const char *lease, double now_s) {
    if (strcmp(lease, "") == 0)
        return UNLEASED;
    if (strcmp(lease, "0") == 0)
        return VOID;
    if (strcmp(lease, "10000000000") == 0)
        return LOCKED;
    return strtod(lease, NULL) > now_s ? LEASED : ENDED;
}

static struct slice text_of(const struct resp *resp) {
    return resp->type == RESP_NIL ? slice_of(NULL, 0) : resp->text;
}

static void copy(char *out, size_t size, const struct resp *resp) {
    snprintf(out, size, "%.*s", (int)text_of(resp).size, text_of(resp).size > 0 ? text_of(resp).data : "");
}

static int8_t mark_of(const char *meta, double now_s) {
    const char *mark = strstr(meta, "t=");
    if (mark == NULL)
        return UNMARKED;
    return strtod(mark + 2, NULL) / 1000 > now_s ? RUNNING : OVER;
}

static bool read_fields(struct wire *wire, struct cell *cell, double now_s) {
    static const char *const ask[] = { "HMGET", "model", "value", "lockUntil", "lockOwner", "meta", NULL };
    const struct resp *entry = wire_command(wire, ask);
    if (entry == NULL || entry->type != RESP_ARRAY || entry->count != 4)
        return false;
    char lease[64], meta[256];
    copy(lease, sizeof lease, &entry->items[1]);
    copy(meta, sizeof meta, &entry->items[3]);
    cell->value = entry->items[0].type == RESP_NIL ? NO_VALUE : target_value(entry->items[0].text);
    cell->lease = lease_of(lease, now_s);
    cell->owner = target_token(text_of(&entry->items[2]));
    if (cell->value != NO_VALUE && cell->lease != UNLEASED)
        cell->mark = mark_of(meta, now_s);
    struct meta known = meta_read(slice_of_text(meta), text_of(&entry->items[0]), false);
    cell->history = cell->value != NO_VALUE && known.epoch == EPOCHS[1] ? 1 : 0;
    return true;
}

static bool read(struct target *target, struct cell *cell) {
    struct wire *wire = target->own;
    *cell = NO_CELL;
    const struct resp *time = wire_command(wire, (const char *const[]){ "TIME", NULL });
    if (time == NULL || time->type != RESP_ARRAY || time->count != 2)
        return false;
    double now_s = strtod(time->items[0].text.data, NULL) + strtod(time->items[1].text.data, NULL) / 1e6;
    if (!read_fields(wire, cell, now_s))
        return false;
    const struct resp *ttl = wire_command(wire, (const char *const[]){ "PTTL", "model", NULL });
    return ttl != NULL && (ttl->integer > 0 || ttl->integer == -2); /* every key ends */
}

static void wait(struct target *target, int64_t ms) {
    (void)target;
    nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

static void close_server(struct target *target) {
    wire_close(target->own);
    free(target->own);
}

bool target_open_server(struct target *target, const char *name, uint16_t port) {
    struct wire *wire = calloc(1, sizeof *wire);
    if (wire == NULL || !wire_open(wire, port, true)) {
        free(wire);
        return false;
    }
    *target = (struct target){ name, true, execute, read, wait, close_server, wire };
    return true;
}
