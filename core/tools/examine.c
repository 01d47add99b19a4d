#define _GNU_SOURCE
#include "examine.h"

#include "base/clock.h"
#include "runtime/cache.h"
#include "runtime/dial.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUND_TRIPS = 32 };

struct conversation {
    struct connection *connection;
    struct buffer out;
    int64_t timeout_ms;
    struct examination *found;
};

/* What a server says may be anything: only what a terminal can bear is kept. */
static void keep(char *to, size_t size, struct slice text) {
    size_t length = 0;
    for (size_t i = 0; i < text.size && length + 1 < size; i++)
        to[length++] = text.data[i] >= 0x20 && text.data[i] < 0x7F ? text.data[i] : '?';
    to[length] = '\0';
}

/* ---- asking ---- */

static bool ready(const struct conversation *self, short events, int64_t end_ms) {
    struct pollfd fd = { .fd = connection_fd(self->connection), .events = events };
    int64_t left_ms = end_ms - clock_now_ms();
    return left_ms > 0 && poll(&fd, 1, (int)left_ms) > 0;
}

static const struct resp *fail(struct conversation *self, const char *how) {
    if (self->found->failure[0] == '\0')
        snprintf(self->found->failure, sizeof self->found->failure, "%s", how);
    return NULL;
}

/* The reply, until the next is asked for; NULL, and no use to ask again: the conversation has failed. */
static const struct resp *ask(struct conversation *self, const char *const *texts, size_t count) {
    struct slice words[8];
    const struct resp *resp;
    int64_t end_ms = clock_now_ms() + self->timeout_ms;
    int next;
    if (self->found->failure[0] != '\0')
        return NULL;
    for (size_t i = 0; i < count; i++)
        words[i] = slice_of_text(texts[i]);
    if (!redis_append_command(&self->out, words, count))
        return fail(self, "no memory");
    while (self->out.size > 0) {
        struct slice bytes = buffer_slice(&self->out);
        int64_t sent = connection_write(self->connection, bytes.data, bytes.size);
        if (sent < 0 || (sent == 0 && !ready(self, POLLOUT, end_ms)))
            return fail(self, "the server takes no more commands");
        buffer_take(&self->out, (size_t)sent);
    }
    while ((next = connection_next(self->connection, &resp)) == 0 || (next > 0 && resp->type == RESP_PUSH)) {
        if (next == 0 && !ready(self, POLLIN, end_ms))
            return fail(self, "no answer from the server within op_timeout");
        if (next == 0 && connection_read(self->connection) < 0)
            return fail(self, connection_failure(self->connection));
    }
    return next > 0 ? resp : fail(self, connection_failure(self->connection));
}

#define ASK(self, ...) \
    ask(self, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* ---- what it can do ---- */

static void note(struct examination *found, enum capability capability, const struct resp *resp) {
    if (resp == NULL)
        return;
    found->can[capability] = resp->type != RESP_ERROR;
    if (resp->type == RESP_ERROR)
        keep(found->refusals[capability], sizeof found->refusals[capability], resp->text);
}

static void try_out(struct conversation *self, const char *scratch) {
    struct examination *found = self->found;
    note(found, CAN_SCRIPT, ASK(self, "EVAL", "return 1", "0"));
    note(found, CAN_LOAD, ASK(self, "SCRIPT", "LOAD", "return 1"));
    note(found, CAN_UNLINK, ASK(self, "UNLINK", scratch));
    const struct resp *confirmed = ASK(self, "WAIT", "0", "1");
    note(found, CAN_WAIT, confirmed);
    if (confirmed != NULL && confirmed->type == RESP_INTEGER)
        found->replicas = confirmed->integer;
}

static int compare(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void measure(struct conversation *self, const char *scratch) {
    int64_t times_us[ROUND_TRIPS];
    for (int i = 0; i < ROUND_TRIPS; i++) {
        int64_t begin_us = clock_now_us();
        const struct resp *found = self->found->packed ? ASK(self, "GET", scratch)
                                                       : ASK(self, "HMGET", scratch, "value", "lockUntil", "meta");
        if (found == NULL)
            return;
        times_us[i] = clock_now_us() - begin_us;
    }
    qsort(times_us, ROUND_TRIPS, sizeof times_us[0], compare);
    self->found->round_trip_ms = (double)times_us[ROUND_TRIPS / 2] / 1000;
    self->found->round_trip_most_ms = (double)times_us[ROUND_TRIPS - 1] / 1000;
}

static double wall_clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

/* Its clock, against the middle of the time that it took to ask. */
static void compare_clocks(struct conversation *self) {
    char seconds[24], micros[24];
    double begin_ms = wall_clock_ms();
    const struct resp *resp = ASK(self, "TIME");
    double end_ms = wall_clock_ms();
    if (resp == NULL || resp->type != RESP_ARRAY || resp->count != 2)
        return;
    keep(seconds, sizeof seconds, resp->items[0].text);
    keep(micros, sizeof micros, resp->items[1].text);
    self->found->has_clock = true;
    self->found->clock_ms = atof(seconds) * 1000 + atof(micros) / 1000 - (begin_ms + end_ms) / 2;
}

/* ---- what it says of itself ---- */

static int64_t number_in(struct slice info, const char *name) {
    char text[24];
    struct slice line = info_line(info, name);
    keep(text, sizeof text, line);
    return line.size > 0 ? atoll(text) : NUMBER_UNKNOWN;
}

/* Those that are not Redis say so in a line of their own, and name a version of Redis beside it. */
static void name_server(struct examination *found, struct slice info) {
    static const char *const known[][2] = { { "dragonfly ", "dragonfly_version:" },
                                            { "kvrocks ", "kvrocks_version:" },
                                            { "valkey ", "valkey_version:" },
                                            { "redis ", "redis_version:" } };
    bool keydb = info_line(info, "mvcc_depth:").size > 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0] && found->server[0] == '\0'; i++) {
        struct slice version = info_line(info, known[i][1]);
        int size = version.size > 0
                       ? snprintf(found->server, sizeof found->server, "%s", keydb ? "keydb " : known[i][0])
                       : 0;
        if (size > 0)
            keep(found->server + size, sizeof found->server - (size_t)size, version);
    }
}

static void read_info(struct conversation *self) {
    struct examination *found = self->found;
    const struct resp *resp = ASK(self, "INFO");
    if (resp == NULL || resp->type != RESP_TEXT) {
        keep(found->info_refusal, sizeof found->info_refusal, resp != NULL ? resp->text : slice_of(NULL, 0));
        return;
    }
    struct slice info = resp->text;
    name_server(found, info);
    struct slice mode = info_line(info, "server_mode:");
    keep(found->mode, sizeof found->mode, mode.size > 0 ? mode : info_line(info, "redis_mode:"));
    keep(found->role, sizeof found->role, info_line(info, "role:"));
    keep(found->policy, sizeof found->policy, info_line(info, "maxmemory_policy:"));
    found->memory_bytes = number_in(info, "used_memory:");
    found->memory_max_bytes = number_in(info, "maxmemory:");
    found->evicted = number_in(info, "evicted_keys:");
    found->appends = number_in(info, "aof_enabled:");
    found->cluster = number_in(info, "cluster_enabled:") == 1;
    if (found->replicas == NUMBER_UNKNOWN)
        found->replicas = number_in(info, "connected_slaves:");
}

static void read_configuration(struct conversation *self) {
    const struct resp *resp = ASK(self, "CONFIG", "GET", "save");
    if (resp == NULL || resp->type != RESP_ARRAY || resp->count != 2)
        return;
    self->found->save_readable = true;
    keep(self->found->save, sizeof self->found->save, resp->items[1].text);
}

/* ---- the whole ---- */

/* NULL: the examination has failed. */
static struct connection *connect_for(rcache *cache, const struct node *node, bool track, struct examination *found) {
    rcache_error err = RCACHE_ERROR_INIT;
    struct connection *connection = dial(cache, node, track, &err);
    if (connection == NULL)
        snprintf(found->failure, sizeof found->failure, "%s", err.message);
    return connection;
}

static void note_facts(struct examination *found, const struct connection *connection) {
    const struct server_facts *facts = connection_facts(connection);
    found->can[CAN_RESP3] = facts->resp3;
    found->can[CAN_TELL_HISTORY] = facts->epoch != 0;
    found->replica = facts->replica;
    if (connection_tls(connection) == NULL)
        return;
    tls_describe(connection_tls(connection), found->tls, sizeof found->tls);
    found->certificate_days = (double)tls_seconds_left(connection_tls(connection)) / (24 * 60 * 60);
}

/* What watches does nothing else, here as in a cache. */
static void try_tracking(rcache *cache, const struct node *node, struct examination *found) {
    struct connection *connection = connect_for(cache, node, true, found);
    if (connection != NULL)
        found->can[CAN_TRACK] = connection_facts(connection)->can_track;
    connection_close(connection);
}

void examine(rcache *cache, const struct node *node, const char *scratch, struct examination *found) {
    *found = (struct examination){ .replicas = NUMBER_UNKNOWN,
                                   .memory_bytes = NUMBER_UNKNOWN,
                                   .memory_max_bytes = NUMBER_UNKNOWN,
                                   .evicted = NUMBER_UNKNOWN,
                                   .appends = NUMBER_UNKNOWN,
                                   .packed = cache->settings.layout == LAYOUT_PACKED };
    keep(found->address, sizeof found->address, blob_slice(node->url));
    struct conversation self = { .out = BUFFER_INIT, .timeout_ms = cache->settings.op_timeout_ms, .found = found };
    self.connection = connect_for(cache, node, false, found);
    if (self.connection == NULL)
        return;
    note_facts(found, self.connection);
    try_out(&self, scratch);
    read_info(&self);
    read_configuration(&self);
    compare_clocks(&self);
    measure(&self, scratch);
    if (found->failure[0] == '\0')
        try_tracking(cache, node, found);
    buffer_clear(&self.out);
    connection_close(self.connection);
}
