/* trust: whom a cache believes to be its server, and what it shows of itself: the options that begin with tls_, as a
 * context of OpenSSL's.  Where a file has changed, new connections get a new context; the others keep theirs. */
#ifndef RESILICACHE_BACKEND_REDIS_TRUST_H
#define RESILICACHE_BACKEND_REDIS_TRUST_H

#include "resilicache.h"

#include <stdbool.h>

struct trust_options { /* "": not set */
    char *ca_file;     /* neither file nor directory: the system's */
    char *ca_dir;
    char *certificate;
    char *key; /* "": in the certificate's file */
    char *server_name; /* "": the host */
    bool verify;
};

struct trust;
struct ssl_ctx_st;

struct trust *trust_new(const struct trust_options *options); /* which outlive it; NULL for want of memory */
void trust_free(struct trust *trust);
/* For a new connection; an owner of its own, for SSL_CTX_free.  Threads: any.  NULL: *err says why. */
struct ssl_ctx_st *trust_context(struct trust *trust, rcache_error *err);
const struct trust_options *trust_options(const struct trust *trust);

#endif
