/* connection: one socket to one server: dialled, the handshake made, then bytes both ways without blocking. */
#ifndef RESILICACHE_BACKEND_REDIS_CONNECTION_H
#define RESILICACHE_BACKEND_REDIS_CONNECTION_H

#include "backend/redis/handshake.h"
#include "backend/redis/net/tls.h"

struct connection_target {
    const char *host; /* or the path of a unix socket, with port 0 */
    uint16_t port;
    struct trust *trust; /* NULL: no TLS */
    int64_t timeout_ms; /* to connect, and again for TLS and the handshake */
    struct handshake_target handshake;
};

struct connection;

/* Blocks up to twice timeout_ms.  On failure *err says what and where. */
struct connection *connection_open(const struct connection_target *target, rcache_error *err);
void connection_close(struct connection *connection);
int connection_fd(const struct connection *connection);
const struct server_facts *connection_facts(const struct connection *connection);
const struct tls *connection_tls(const struct connection *connection); /* NULL: none */

/* Bytes written; 0: none can be now; -1: the connection is lost, reading tells how. */
int64_t connection_write(struct connection *connection, const void *data, size_t size);
/* Bytes read into the reader; 0: none there now; -1: the connection is lost, connection_failure says how. */
int64_t connection_read(struct connection *connection);
/* As reader_next, and reader_starved. */
int connection_next(struct connection *connection, const struct resp **resp);
bool connection_starved(const struct connection *connection);
const char *connection_failure(const struct connection *connection);

#endif
