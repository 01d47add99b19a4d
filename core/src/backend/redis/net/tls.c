#define _GNU_SOURCE
#include "backend/redis/net/tls.h"

#include "base/alloc.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* One record's worth: a read of at least so much leaves nothing of a record behind. */
enum { RECORD_SIZE = 16 * 1024, FAILURE_SIZE = 160 };

struct tls {
    SSL *ssl;
    BIO_METHOD *method;
    int fd;
    pthread_mutex_t lock; /* one thread reads while another writes; OpenSSL wants them one by one */
    int socket_error;     /* errno; 0: none */
    bool ended;           /* the server closed the connection */
    bool broken;          /* OpenSSL must not be asked any more */
    char failure[FAILURE_SIZE];
};

bool tls_built(void) {
    return true;
}

/* ---- the socket, as OpenSSL wants it: its own would raise SIGPIPE ---- */

static int again_or_lost(struct tls *tls, BIO *bio, int flag) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        BIO_set_flags(bio, flag | BIO_FLAGS_SHOULD_RETRY);
    else
        tls->socket_error = errno;
    return -1;
}

static int socket_write(BIO *bio, const char *data, int size) {
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t sent = send(tls->fd, data, (size_t)size, MSG_NOSIGNAL);
    return sent >= 0 ? (int)sent : again_or_lost(tls, bio, BIO_FLAGS_WRITE);
}

static int socket_read(BIO *bio, char *data, int size) {
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t got = recv(tls->fd, data, (size_t)size, 0);
    tls->ended = got == 0;
    return got >= 0 ? (int)got : again_or_lost(tls, bio, BIO_FLAGS_READ);
}

static long socket_control(BIO *bio, int command, long number, void *argument) {
    (void)bio, (void)number, (void)argument;
    return command == BIO_CTRL_FLUSH;
}

static BIO *bio_new(struct tls *tls) {
    tls->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket");
    if (tls->method == NULL || BIO_meth_set_write(tls->method, socket_write) != 1 ||
        BIO_meth_set_read(tls->method, socket_read) != 1 || BIO_meth_set_ctrl(tls->method, socket_control) != 1)
        return NULL;
    BIO *bio = BIO_new(tls->method);
    if (bio != NULL) {
        BIO_set_data(bio, tls);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* ---- the conversation ---- */

/* Only a name goes into the greeting, as RFC 6066 has it; an address is looked for among the certificate's. */
static bool expect(SSL *ssl, const char *name) {
    X509_VERIFY_PARAM *expected = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(expected, name) == 1)
        return true;
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(expected, name, 0) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct tls *tls_new(SSL_CTX *context, const struct trust_options *options, int fd, const char *host) {
    struct tls *tls = mem_alloc_zeroed(1, sizeof *tls);
    if (tls != NULL) {
        pthread_mutex_init(&tls->lock, NULL);
        tls->fd = fd;
        tls->ssl = SSL_new(context);
    }
    SSL_CTX_free(context);
    BIO *bio = tls != NULL && tls->ssl != NULL ? bio_new(tls) : NULL;
    if (bio != NULL)
        SSL_set_bio(tls->ssl, bio, bio);
    if (bio == NULL || !expect(tls->ssl, options->server_name[0] != '\0' ? options->server_name : host)) {
        tls_free(tls);
        tls = NULL;
    } else {
        SSL_set_connect_state(tls->ssl);
    }
    ERR_clear_error();
    return tls;
}

void tls_free(struct tls *tls) {
    if (tls == NULL)
        return;
    SSL_free(tls->ssl);
    BIO_meth_free(tls->method);
    pthread_mutex_destroy(&tls->lock);
    mem_free(tls);
}

/* ---- what went wrong, in words ---- */

static const char *words_of_certificate(long verdict) {
    switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return "the server's certificate, or its CA's, has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID: return "the server's certificate is not valid yet";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "the server's certificate is for another host; tls_server_name says which name to expect";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return "the server's certificate is of a CA that is not trusted here; tls_ca_file names one that is";
    default: return X509_verify_cert_error_string(verdict);
    }
}

static const char *words_of_reason(const struct tls *tls, unsigned long code) {
    switch (ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED: return words_of_certificate(SSL_get_verify_result(tls->ssl));
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG: return "the server speaks no TLS here; write redis://, or another port";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return "the server wants a certificate of its clients: set tls_certificate and tls_key";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA: return "the server does not trust the CA of tls_certificate";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED: return "the server finds tls_certificate expired";
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        return "the server refuses the handshake; it may want tls_certificate and tls_key, or other ciphers";
    default: return NULL;
    }
}

/* The connection is over.  Whoever polls for bytes is woken, and reading tells why. */
static int break_off(struct tls *tls) {
    unsigned long code = ERR_peek_error();
    const char *words = words_of_reason(tls, code), *reason = ERR_reason_error_string(code);
    bool greeting = SSL_in_init(tls->ssl);
    if (words == NULL && tls->socket_error != 0)
        words = strerror(tls->socket_error);
    if (words == NULL && (tls->ended || reason == NULL))
        words = greeting ? "the server closed it during the TLS handshake; if it speaks no TLS, write redis://"
                         : "the server closed it";
    snprintf(tls->failure, sizeof tls->failure, "%s", words != NULL ? words : reason);
    tls->broken = true;
    shutdown(tls->fd, SHUT_RDWR);
    return -1;
}

/* With the lock: after a call that did nothing, what it waits for, or -1. */
static int settle(struct tls *tls, int result) {
    int error = SSL_get_error(tls->ssl, result), events;
    switch (error) {
    case SSL_ERROR_WANT_READ: events = POLLIN; break;
    case SSL_ERROR_WANT_WRITE: events = POLLOUT; break;
    default: events = break_off(tls); break;
    }
    ERR_clear_error();
    return events;
}

int tls_shake_hands(struct tls *tls) {
    pthread_mutex_lock(&tls->lock);
    ERR_clear_error();
    int result = tls->broken ? -1 : SSL_do_handshake(tls->ssl);
    int events = result == 1 ? 0 : tls->broken ? -1 : settle(tls, result);
    pthread_mutex_unlock(&tls->lock);
    return events;
}

/* ---- bytes ---- */

/* A record a call, so that who reads needn't wait for all of a large value.  Of a socket that takes no more, reading
 * tells: what the server said last may still be in it. */
int64_t tls_write(struct tls *tls, const void *data, size_t size) {
    size_t sent = 0;
    int result = 1;
    bool lost = false;
    while (result > 0 && sent < size) {
        size_t some = size - sent < RECORD_SIZE ? size - sent : RECORD_SIZE;
        pthread_mutex_lock(&tls->lock);
        ERR_clear_error();
        result = tls->broken ? -1 : SSL_write(tls->ssl, (const char *)data + sent, (int)some);
        if (result > 0)
            sent += (size_t)result;
        else
            lost = tls->broken || tls->socket_error != 0 || settle(tls, result) < 0;
        ERR_clear_error();
        pthread_mutex_unlock(&tls->lock);
    }
    return sent > 0 ? (int64_t)sent : lost ? -1 : 0;
}

/* Whole records, as long as they are large, so that more is likely to have come: OpenSSL takes no byte of the next one
 * out of the socket, and poll tells of it. */
int64_t tls_read(struct tls *tls, void *data, size_t capacity) {
    size_t got = 0;
    int result = RECORD_SIZE;
    bool lost = false;
    while (result > RECORD_SIZE / 2 && capacity - got >= RECORD_SIZE) {
        pthread_mutex_lock(&tls->lock);
        ERR_clear_error();
        result = tls->broken ? -1 : SSL_read(tls->ssl, (char *)data + got, (int)(capacity - got));
        if (result > 0)
            got += (size_t)result;
        else
            lost = tls->broken || settle(tls, result) < 0;
        pthread_mutex_unlock(&tls->lock);
    }
    return got > 0 ? (int64_t)got : lost ? -1 : 0;
}

const char *tls_failure(const struct tls *tls) {
    return tls->failure;
}

/* ---- for people ---- */

void tls_describe(const struct tls *tls, char *text, size_t size) {
    snprintf(text, size, "%s %s", SSL_get_version(tls->ssl), SSL_get_cipher_name(tls->ssl));
}

int64_t tls_seconds_left(const struct tls *tls) {
    X509 *certificate = SSL_get_peer_certificate(tls->ssl);
    int days = 0, seconds = 0;
    if (certificate != NULL)
        ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate));
    X509_free(certificate);
    return (int64_t)days * 24 * 60 * 60 + seconds;
}
