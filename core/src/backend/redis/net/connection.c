#define _GNU_SOURCE
#include "backend/redis/net/connection.h"

#include "backend/redis/net/reader.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024, FAILURE_SIZE = 128 };

struct connection {
    redisContext *context;
    struct reader *reader;
    struct server_facts facts;
    bool resp3;
    char failure[FAILURE_SIZE];
    char bytes[READ_SIZE];
};

static const char *place_of(const struct connection_target *target, char *buffer, size_t size) {
    bool brackets = target->port != 0 && strchr(target->host, ':') != NULL;
    if (target->port == 0)
        snprintf(buffer, size, "%.160s", target->host);
    else
        snprintf(buffer, size, "%s%.160s%s:%u", brackets ? "[" : "", target->host, brackets ? "]" : "", target->port);
    return buffer;
}

static redisContext *dial(const struct connection_target *target, rcache_error *err) {
    struct timeval timeout = { .tv_sec = (time_t)(target->timeout_ms / 1000),
                               .tv_usec = (suseconds_t)(target->timeout_ms % 1000) * 1000 };
    redisOptions options = { 0 };
    if (target->port == 0)
        REDIS_OPTIONS_SET_UNIX(&options, target->host);
    else
        REDIS_OPTIONS_SET_TCP(&options, target->host, target->port);
    options.options |= REDIS_OPT_NOAUTOFREEREPLIES | REDIS_OPT_PREFER_IP_UNSPEC;
    options.connect_timeout = &timeout;
    char place[200];
    redisContext *context = redisConnectWithOptions(&options);
    if (context == NULL) {
        error_set(err, RCACHE_E_NOMEM, "no memory for a connection");
        return NULL;
    }
    int flags = context->err == 0 ? fcntl(context->fd, F_GETFL) : -1;
    if (context->err != 0 || flags < 0 || fcntl(context->fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        error_set(err, RCACHE_E_UNAVAILABLE, "cannot connect to %s: %s", place_of(target, place, sizeof place),
                  context->err != 0 ? context->errstr : strerror(errno));
        redisFree(context);
        return NULL;
    }
    fcntl(context->fd, F_SETFD, FD_CLOEXEC);
    return context;
}

/* ---- introduction: one exchange for the protocol, one pipeline for the rest; a refusal is a missing capability */

struct introduction {
    struct connection *connection;
    const struct connection_target *target;
    struct buffer out;
    int64_t until_ms;
    rcache_error *err;
};

static bool command(struct buffer *out, size_t count, const char *const *words) {
    char number[TEXT_NUMBER_SIZE];
    bool ok = buffer_append_text(out, "*") && buffer_append_text(out, text_of_number(number, (int64_t)count)) &&
              buffer_append_text(out, "\r\n");
    for (size_t i = 0; ok && i < count; i++)
        ok = buffer_append_text(out, "$") &&
             buffer_append_text(out, text_of_number(number, (int64_t)strlen(words[i]))) &&
             buffer_append_text(out, "\r\n") && buffer_append_text(out, words[i]) && buffer_append_text(out, "\r\n");
    return ok;
}

#define COMMAND(out, ...) \
    command(out, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), (const char *const[]){ __VA_ARGS__ })

static int32_t refuse(struct introduction *self, int32_t status, const char *what) {
    char place[200];
    return error_set(self->err, status, "%s: %s", place_of(self->target, place, sizeof place), what);
}

static bool ready(struct introduction *self, short events) {
    struct pollfd fd = { .fd = self->connection->context->fd, .events = events };
    for (;;) {
        int64_t left_ms = self->until_ms - clock_now_ms();
        int found = left_ms > 0 ? poll(&fd, 1, (int)left_ms) : 0;
        if (found >= 0 || errno != EINTR)
            return found > 0;
    }
}

static int32_t send_all(struct introduction *self) {
    while (self->out.size > 0) {
        struct slice bytes = buffer_slice(&self->out);
        int64_t sent = connection_write(self->connection, bytes.data, bytes.size);
        if (sent < 0)
            return refuse(self, RCACHE_E_UNAVAILABLE, self->connection->failure);
        buffer_take(&self->out, (size_t)sent);
        if (sent == 0 && !ready(self, POLLOUT))
            return refuse(self, RCACHE_E_UNAVAILABLE, "connected, but it does not answer");
    }
    return RCACHE_OK;
}

/* The next reply that is no push. */
static int32_t receive(struct introduction *self, const struct resp **resp) {
    for (;;) {
        int got = connection_next(self->connection, resp);
        if (got > 0 && (*resp)->type == RESP_PUSH)
            continue;
        if (got > 0)
            return RCACHE_OK;
        if (got < 0)
            return refuse(self, RCACHE_E_PROTOCOL, "what answers is no Redis server");
        if (!ready(self, POLLIN))
            return refuse(self, RCACHE_E_UNAVAILABLE, "connected, but it does not answer");
        if (connection_read(self->connection) < 0)
            return refuse(self, RCACHE_E_UNAVAILABLE, self->connection->failure);
    }
}

static bool starts(const struct resp *resp, const char *word) {
    size_t size = strlen(word);
    return resp->text.size >= size && memcmp(resp->text.data, word, size) == 0;
}

static bool is_denied(const struct resp *resp) {
    return resp->type == RESP_ERROR && (starts(resp, "WRONGPASS") || starts(resp, "NOAUTH") || starts(resp, "NOPERM"));
}

static int32_t refuse_with_reply(struct introduction *self, int32_t status, const struct resp *resp) {
    struct blob *words = blob_copy(resp->text.data, resp->text.size);
    refuse(self, status, words != NULL ? words->data : "refused");
    blob_drop(words);
    return status;
}

/* RESP3 where the server speaks it; some accept HELLO 3 and stay with RESP2: what `proto` says counts. */
static int32_t say_hello(struct introduction *self) {
    const struct connection_target *target = self->target;
    const char *user = target->username != NULL ? target->username : "default";
    bool ok = target->password != NULL ? COMMAND(&self->out, "HELLO", "3", "AUTH", user, target->password)
                                       : COMMAND(&self->out, "HELLO", "3");
    const struct resp *resp;
    int32_t status = ok ? send_all(self) : refuse(self, RCACHE_E_NOMEM, "no memory");
    if (status == RCACHE_OK)
        status = receive(self, &resp);
    if (status != RCACHE_OK)
        return status;
    if (is_denied(resp))
        return refuse_with_reply(self, RCACHE_E_AUTH, resp);
    for (size_t i = 0; resp->type == RESP_ARRAY && i + 1 < resp->count; i += 2)
        if (starts(&resp->items[i], "proto"))
            self->connection->resp3 = resp->items[i + 1].integer == 3;
    return RCACHE_OK;
}

/* Servers of before ACLs take the password alone. */
static int32_t say_password(struct introduction *self) {
    const struct connection_target *target = self->target;
    for (int with_user = target->username != NULL; with_user >= 0; with_user--) {
        bool ok = with_user ? COMMAND(&self->out, "AUTH", target->username, target->password)
                            : COMMAND(&self->out, "AUTH", target->password);
        const struct resp *resp;
        int32_t status = ok ? send_all(self) : refuse(self, RCACHE_E_NOMEM, "no memory");
        if (status == RCACHE_OK)
            status = receive(self, &resp);
        if (status != RCACHE_OK)
            return status;
        if (resp->type != RESP_ERROR)
            return RCACHE_OK;
        bool arity = starts(resp, "ERR wrong number of arguments");
        if (!with_user || !arity)
            return refuse_with_reply(self, RCACHE_E_AUTH, resp);
    }
    return RCACHE_OK;
}

static struct slice info_line(struct slice text, const char *name) {
    size_t size = strlen(name);
    for (const char *at = text.data, *end = at + text.size; at != NULL && at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop != NULL ? stop : end) - at);
        if (length > size && memcmp(at, name, size) == 0) {
            while (length > size && (at[length - 1] == '\r' || at[length - 1] == '\n'))
                length--;
            return slice_of(at + size, length - size);
        }
        at = stop != NULL ? stop + 1 : end;
    }
    return slice_of(NULL, 0);
}

static void note_history(struct server_facts *facts, const struct resp *resp, const char *line) {
    struct slice id = resp->type == RESP_TEXT ? info_line(resp->text, line) : slice_of(NULL, 0);
    if (id.size > 0)
        facts->epoch = hash64(id.data, id.size, facts->epoch);
}

static int32_t ask_the_rest(struct introduction *self) {
    struct server_facts *facts = &self->connection->facts;
    char number[TEXT_NUMBER_SIZE];
    bool select = self->target->database != 0, track = self->target->track && self->connection->resp3;
    bool ok = !select || COMMAND(&self->out, "SELECT", text_of_number(number, self->target->database));
    ok = ok && COMMAND(&self->out, "INFO", "server") && COMMAND(&self->out, "INFO", "replication");
    ok = ok && (!track || COMMAND(&self->out, "CLIENT", "TRACKING", "ON", "OPTIN"));
    uint32_t scripts = ok ? redis_encode_scripts(&self->out) : 0;
    int32_t status = scripts > 0 ? send_all(self) : refuse(self, RCACHE_E_NOMEM, "no memory");
    uint32_t first = select ? 1 : 0, due = first + 2 + (track ? 1 : 0) + scripts;
    for (uint32_t i = 0; status == RCACHE_OK && i < due; i++) {
        const struct resp *resp;
        status = receive(self, &resp);
        if (status != RCACHE_OK)
            return status;
        if (resp->type == RESP_ERROR && starts(resp, "NOAUTH"))
            return refuse_with_reply(self, RCACHE_E_AUTH, resp);
        if (i < first && resp->type == RESP_ERROR)
            return refuse_with_reply(self, RCACHE_E_SERVER, resp);
        if (i == first)
            note_history(facts, resp, "run_id:");
        if (i == first + 1)
            note_history(facts, resp, "master_replid:");
        if (track && i == first + 2)
            facts->can_track = resp->type != RESP_ERROR;
    }
    return status;
}

static int32_t introduce(struct connection *connection, const struct connection_target *target, rcache_error *err) {
    struct introduction self = { connection, target, BUFFER_INIT, clock_now_ms() + target->timeout_ms, err };
    int32_t status = target->resp >= 3 ? say_hello(&self) : RCACHE_OK;
    if (status == RCACHE_OK && !connection->resp3 && target->password != NULL)
        status = say_password(&self);
    if (status == RCACHE_OK)
        status = ask_the_rest(&self);
    buffer_clear(&self.out);
    return status;
}

struct connection *connection_open(const struct connection_target *target, rcache_error *err) {
    struct connection *connection = mem_alloc_zeroed(1, sizeof *connection);
    if (connection != NULL)
        connection->reader = reader_new();
    if (connection == NULL || connection->reader == NULL) {
        error_set(err, RCACHE_E_NOMEM, "no memory for a connection");
        goto fail;
    }
    connection->context = dial(target, err);
    if (connection->context == NULL || introduce(connection, target, err) != RCACHE_OK)
        goto fail;
    return connection;
fail:
    connection_close(connection);
    return NULL;
}

void connection_close(struct connection *connection) {
    if (connection == NULL)
        return;
    if (connection->context != NULL)
        redisFree(connection->context);
    reader_free(connection->reader);
    mem_free(connection);
}

int connection_fd(const struct connection *connection) {
    return connection->context->fd;
}

const struct server_facts *connection_facts(const struct connection *connection) {
    return &connection->facts;
}

static int64_t lost(struct connection *connection, const char *how) {
    snprintf(connection->failure, sizeof connection->failure, "connection lost: %s", how);
    return -1;
}

int64_t connection_write(struct connection *connection, const void *data, size_t size) {
    ssize_t sent = send(connection->context->fd, data, size, MSG_NOSIGNAL);
    if (sent >= 0)
        return sent;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return 0;
    return lost(connection, strerror(errno));
}

int64_t connection_read(struct connection *connection) {
    ssize_t got = recv(connection->context->fd, connection->bytes, sizeof connection->bytes, 0);
    if (got == 0)
        return lost(connection, "the server closed it");
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : lost(connection, strerror(errno));
    if (!reader_feed(connection->reader, connection->bytes, (size_t)got))
        return lost(connection, "no memory for a reply");
    return got;
}

int connection_next(struct connection *connection, const struct resp **resp) {
    int got = reader_next(connection->reader, resp);
    if (got < 0)
        snprintf(connection->failure, sizeof connection->failure, "%s", reader_error(connection->reader));
    return got;
}

const char *connection_failure(const struct connection *connection) {
    return connection->failure;
}
