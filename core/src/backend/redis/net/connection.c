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

enum { READ_SIZE = 64 * 1024, FAILURE_SIZE = 200 };

struct connection {
    redisContext *context;
    struct tls *tls; /* NULL: none */
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
    struct handshake handshake;
    struct buffer out;
    int64_t until_ms;
    rcache_error *err;
    bool heard; /* anything at all */
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

/* Reading tells why writing failed, too. */
static int32_t read_more(struct introduction *self) {
    struct connection *connection = self->connection;
    int64_t got = connection_read(connection);
    bool mute = got < 0 && !self->heard && connection->tls == NULL && self->target->port != 0;
    self->heard = self->heard || got > 0;
    if (mute)
        return refuse(self, RCACHE_E_UNAVAILABLE, "connected, and cut off; if the server speaks TLS, write rediss://");
    if (got >= 0)
        return RCACHE_OK;
    rcache_error how;
    handshake_lost(&self->handshake, connection->failure, &how);
    return refuse(self, RCACHE_E_UNAVAILABLE, how.message);
}

static int32_t send_all(struct introduction *self) {
    while (self->out.size > 0) {
        struct slice bytes = buffer_slice(&self->out);
        int64_t sent = connection_write(self->connection, bytes.data, bytes.size);
        if (sent < 0) { /* what has come before may tell why */
            buffer_take(&self->out, bytes.size);
            return read_more(self);
        }
        buffer_take(&self->out, (size_t)sent);
        if (sent == 0 && !ready(self, POLLOUT))
            return refuse(self, RCACHE_E_UNAVAILABLE, "connected, but it does not answer");
    }
    return RCACHE_OK;
}

/* What is no reply may be TLS, which begins an alert with this byte. */
static const char *foreign(const struct connection *connection) {
    bool tls = connection->tls == NULL && connection->bytes[0] == 0x15;
    return tls ? "the server speaks TLS; write rediss://" : "what answers is no Redis server";
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
            return refuse(self, RCACHE_E_PROTOCOL, foreign(self->connection));
        if (!ready(self, POLLIN))
            return refuse(self, RCACHE_E_UNAVAILABLE, "connected, but it does not answer");
        int32_t status = read_more(self);
        if (status != RCACHE_OK)
            return status;
    }
}

static int32_t encrypt(struct introduction *self) {
    struct connection *connection = self->connection;
    const struct connection_target *target = self->target;
    struct ssl_ctx_st *context = trust_context(target->trust, self->err);
    if (context == NULL)
        return self->err->status;
    connection->tls = tls_new(context, trust_options(target->trust), connection->context->fd, target->host);
    if (connection->tls == NULL)
        return refuse(self, RCACHE_E_NOMEM, "no memory for TLS");
    for (int events; (events = tls_shake_hands(connection->tls)) != 0;) {
        if (events < 0)
            return refuse(self, RCACHE_E_UNAVAILABLE, tls_failure(connection->tls));
        if (!ready(self, (short)events))
            return refuse(self, RCACHE_E_UNAVAILABLE,
                          "no TLS handshake within connect_timeout; if the server speaks no TLS, write redis://");
    }
    return RCACHE_OK;
}

static int32_t introduce(struct connection *connection, const struct connection_target *target, rcache_error *err) {
    struct introduction self = { .connection = connection, .target = target, .out = BUFFER_INIT, .err = err };
    struct handshake *handshake = &self.handshake;
    self.until_ms = clock_now_ms() + target->timeout_ms;
    int32_t status = target->trust != NULL ? encrypt(&self) : RCACHE_OK;
    enum handshake_state state = handshake_begin(handshake, &target->handshake, &self.out);
    while (status == RCACHE_OK && state == HANDSHAKE_GOES_ON) {
        const struct resp *resp;
        status = send_all(&self);
        if (status == RCACHE_OK)
            status = receive(&self, &resp);
        if (status == RCACHE_OK)
            state = handshake_take(handshake, resp, &self.out);
    }
    if (status == RCACHE_OK && state == HANDSHAKE_REFUSED)
        status = refuse(&self, handshake->failure.status, handshake->failure.message);
    connection->facts = handshake->facts;
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
    tls_free(connection->tls);
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

const struct tls *connection_tls(const struct connection *connection) {
    return connection->tls;
}

static int64_t lost(struct connection *connection, const char *how) {
    snprintf(connection->failure, sizeof connection->failure, "connection lost: %s", how);
    return -1;
}

int64_t connection_write(struct connection *connection, const void *data, size_t size) {
    if (connection->tls != NULL)
        return tls_write(connection->tls, data, size);
    ssize_t sent = send(connection->context->fd, data, size, MSG_NOSIGNAL);
    if (sent >= 0)
        return sent;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

/* As recv, with connection->failure filled in where it is lost. */
static int64_t take_bytes(struct connection *connection) {
    if (connection->tls != NULL) {
        int64_t got = tls_read(connection->tls, connection->bytes, sizeof connection->bytes);
        return got >= 0 ? got : lost(connection, tls_failure(connection->tls));
    }
    ssize_t got = recv(connection->context->fd, connection->bytes, sizeof connection->bytes, 0);
    if (got == 0)
        return lost(connection, "the server closed it");
    if (got > 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return got > 0 ? got : 0;
    return lost(connection, strerror(errno));
}

int64_t connection_read(struct connection *connection) {
    int64_t got = take_bytes(connection);
    if (got > 0 && !reader_feed(connection->reader, connection->bytes, (size_t)got))
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
