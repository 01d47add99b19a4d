#define _GNU_SOURCE
#include "backend/redis/net/connection.h"

#include "backend/redis/net/reader.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

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

/* ---- the handshake, waited for ---- */

struct introduction {
    struct connection *connection;
    const struct connection_target *target;
    struct buffer out;
    int64_t until_ms;
    rcache_error *err;
};

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
        if (got < 0 && connection_starved(self->connection))
            return refuse(self, RCACHE_E_NOMEM, "no memory for its first replies");
        if (got < 0)
            return refuse(self, RCACHE_E_PROTOCOL, "what answers is no Redis server");
        if (!ready(self, POLLIN))
            return refuse(self, RCACHE_E_UNAVAILABLE, "connected, but it does not answer");
        if (connection_read(self->connection) < 0)
            return refuse(self, RCACHE_E_UNAVAILABLE, self->connection->failure);
    }
}

static int32_t introduce(struct connection *connection, const struct connection_target *target, rcache_error *err) {
    struct introduction self = { connection, target, BUFFER_INIT, clock_now_ms() + target->timeout_ms, err };
    struct handshake handshake;
    enum handshake_state state = handshake_begin(&handshake, &target->handshake, &self.out);
    int32_t status = RCACHE_OK;
    while (status == RCACHE_OK && state == HANDSHAKE_GOES_ON) {
        const struct resp *resp;
        status = send_all(&self);
        if (status == RCACHE_OK)
            status = receive(&self, &resp);
        if (status == RCACHE_OK)
            state = handshake_take(&handshake, resp, &self.out);
    }
    if (status == RCACHE_OK && state == HANDSHAKE_REFUSED)
        status = refuse(&self, handshake.failure.status, handshake.failure.message);
    connection->facts = handshake.facts;
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

bool connection_starved(const struct connection *connection) {
    return reader_starved(connection->reader);
}

const char *connection_failure(const struct connection *connection) {
    return connection->failure;
}
