#define _POSIX_C_SOURCE 200809L
#include "backend/redis/net/trust.h"

#include "base/alloc.h"
#include "base/error.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES = 4 };

struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct trust {
    const struct trust_options *options;
    pthread_mutex_t lock;
    SSL_CTX *context;            /* NULL: none yet */
    struct stamp stamps[FILES];  /* of its files, before they were read */
};

struct trust *trust_new(const struct trust_options *options) {
    struct trust *trust = mem_alloc_zeroed(1, sizeof *trust);
    if (trust == NULL)
        return NULL;
    OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL); /* our threads may still run when the process ends */
    trust->options = options;
    pthread_mutex_init(&trust->lock, NULL);
    return trust;
}

void trust_free(struct trust *trust) {
    if (trust == NULL)
        return;
    SSL_CTX_free(trust->context);
    pthread_mutex_destroy(&trust->lock);
    mem_free(trust);
}

const struct trust_options *trust_options(const struct trust *trust) {
    return trust->options;
}

/* ---- the files ---- */

static const char *key_of(const struct trust_options *options) {
    return options->key[0] != '\0' ? options->key : options->certificate;
}

static int32_t take_stamps(const struct trust_options *options, struct stamp *stamps, rcache_error *err) {
    const char *const files[FILES][2] = { { "tls_ca_file", options->ca_file },
                                          { "tls_ca_dir", options->ca_dir },
                                          { "tls_certificate", options->certificate },
                                          { "tls_key", key_of(options) } };
    memset(stamps, 0, FILES * sizeof *stamps);
    for (size_t i = 0; i < FILES; i++) {
        struct stat found;
        if (files[i][1][0] == '\0')
            continue;
        if (stat(files[i][1], &found) != 0)
            return error_set(err, RCACHE_E_INVALID, "'%s' is '%.120s': %s", files[i][0], files[i][1],
                             strerror(errno));
        stamps[i].device = found.st_dev;
        stamps[i].inode = found.st_ino;
        stamps[i].size = found.st_size;
        stamps[i].changed = found.st_mtim;
    }
    return RCACHE_OK;
}

/* ---- the context ---- */

/* A key that needs a passphrase is refused: OpenSSL would ask for it on the terminal. */
static int no_passphrase(char *text, int size, int writing, void *arg) {
    (void)text, (void)size, (void)writing, (void)arg;
    return -1;
}

static int32_t unreadable(const char *option, const char *path, const char *wanted, rcache_error *err) {
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);
    if (ERR_GET_LIB(code) == ERR_LIB_SYS)
        reason = strerror(ERR_GET_REASON(code));
    return error_set(err, RCACHE_E_INVALID, "'%s' is '%.100s', which holds no %s: %s", option, path, wanted,
                     reason != NULL ? reason : "it can't be read");
}

static int32_t load_authorities(SSL_CTX *context, const struct trust_options *options, rcache_error *err) {
    const char *file = options->ca_file, *directory = options->ca_dir;
    if (file[0] == '\0' && directory[0] == '\0') {
        SSL_CTX_set_default_verify_paths(context); /* none there: no server is trusted, which will be told */
        return RCACHE_OK;
    }
    if (file[0] != '\0' && SSL_CTX_load_verify_locations(context, file, NULL) != 1)
        return unreadable("tls_ca_file", file, "certificates in PEM", err);
    if (directory[0] != '\0' && SSL_CTX_load_verify_locations(context, NULL, directory) != 1)
        return unreadable("tls_ca_dir", directory, "certificates", err);
    return RCACHE_OK;
}

static int32_t load_own(SSL_CTX *context, const struct trust_options *options, rcache_error *err) {
    if (options->certificate[0] == '\0')
        return RCACHE_OK;
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(context, options->certificate) != 1)
        return unreadable("tls_certificate", options->certificate, "certificate in PEM", err);
    if (SSL_CTX_use_PrivateKey_file(context, key_of(options), SSL_FILETYPE_PEM) != 1)
        return unreadable("tls_key", key_of(options), "key of the certificate, in PEM and without a passphrase", err);
    return RCACHE_OK;
}

static SSL_CTX *make_context(const struct trust_options *options, rcache_error *err) {
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    int32_t status = RCACHE_OK;
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
        status = error_set(err, RCACHE_E_NOMEM, "no memory for TLS");
    if (status == RCACHE_OK && options->verify)
        status = load_authorities(context, options, err);
    if (status == RCACHE_OK)
        status = load_own(context, options, err);
    ERR_clear_error();
    if (status != RCACHE_OK) {
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_verify(context, options->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION); /* so that no write has to wait for a read */
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

SSL_CTX *trust_context(struct trust *trust, rcache_error *err) {
    struct stamp stamps[FILES];
    if (take_stamps(trust->options, stamps, err) != RCACHE_OK)
        return NULL;
    pthread_mutex_lock(&trust->lock);
    if (trust->context == NULL || memcmp(stamps, trust->stamps, sizeof stamps) != 0) {
        SSL_CTX *context = make_context(trust->options, err);
        SSL_CTX_free(trust->context);
        trust->context = context;
        memcpy(trust->stamps, stamps, sizeof stamps);
    }
    SSL_CTX *context = trust->context;
    if (context != NULL)
        SSL_CTX_up_ref(context);
    pthread_mutex_unlock(&trust->lock);
    return context;
}
