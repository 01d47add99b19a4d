/* tls: what is said over a connection's socket, encrypted, by OpenSSL.  In a build without it, tls_none.c stands here
 * and for trust.c, and refuses. */
#ifndef RESILICACHE_BACKEND_REDIS_TLS_H
#define RESILICACHE_BACKEND_REDIS_TLS_H

#include "backend/redis/net/trust.h"

#include <stddef.h>
#include <stdint.h>

struct tls;

bool tls_built(void);

/* On a socket that doesn't block, with a server whose certificate has to be `host`'s, unless options say otherwise.
 * Takes the context.  NULL for want of memory. */
struct tls *tls_new(struct ssl_ctx_st *context, const struct trust_options *options, int fd, const char *host);
void tls_free(struct tls *tls); /* says nothing to the server */

/* 0: the handshake is done; POLLIN, POLLOUT: to be called again then; -1: it failed. */
int tls_shake_hands(struct tls *tls);

/* One thread may read while another writes.  What isn't written has to be offered again, from its first byte. */
int64_t tls_write(struct tls *tls, const void *data, size_t size);  /* 0: none can be now; -1: lost, as reading tells */
/* Some of what has come; nothing of the rest is where poll wouldn't see it.  Capacity: at least 16 KiB.  0: none there
 * now; -1: lost. */
int64_t tls_read(struct tls *tls, void *data, size_t capacity);
/* Why it was lost, for whoever reads. */
const char *tls_failure(const struct tls *tls);

/* For people: "TLSv1.3 TLS_AES_256_GCM_SHA384".  Until the server's certificate expires, in seconds. */
void tls_describe(const struct tls *tls, char *text, size_t size);
int64_t tls_seconds_left(const struct tls *tls);

#endif
