/* tls_none: trust and tls in a build without OpenSSL.  A URL with TLS can be opened all the same: a caller with sockets
 * of its own encrypts by itself. */
#include "backend/redis/net/tls.h"

#include "base/alloc.h"
#include "base/error.h"

struct trust {
    const struct trust_options *options;
};

struct trust *trust_new(const struct trust_options *options) {
    struct trust *trust = mem_alloc(sizeof *trust);
    if (trust != NULL)
        trust->options = options;
    return trust;
}

void trust_free(struct trust *trust) {
    mem_free(trust);
}

struct ssl_ctx_st *trust_context(struct trust *trust, rcache_error *err) {
    (void)trust;
    error_set(err, RCACHE_E_UNSUPPORTED, "this build has no TLS: build it where OpenSSL is, or write redis://");
    return NULL;
}

const struct trust_options *trust_options(const struct trust *trust) {
    return trust->options;
}

bool tls_built(void) {
    return false;
}

struct tls *tls_new(struct ssl_ctx_st *context, const struct trust_options *options, int fd, const char *host) {
    (void)context, (void)options, (void)fd, (void)host;
    return NULL;
}

void tls_free(struct tls *tls) {
    (void)tls;
}

int tls_shake_hands(struct tls *tls) {
    (void)tls;
    return -1;
}

int64_t tls_write(struct tls *tls, const void *data, size_t size) {
    (void)tls, (void)data, (void)size;
    return -1;
}

int64_t tls_read(struct tls *tls, void *data, size_t capacity) {
    (void)tls, (void)data, (void)capacity;
    return -1;
}

const char *tls_failure(const struct tls *tls) {
    (void)tls;
    return "";
}

void tls_describe(const struct tls *tls, char *text, size_t size) {
    (void)tls;
    if (size > 0)
        text[0] = '\0';
}

int64_t tls_seconds_left(const struct tls *tls) {
    (void)tls;
    return 0;
}
