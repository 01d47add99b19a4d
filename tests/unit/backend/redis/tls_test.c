/* TLS over a pair of sockets, with OpenSSL's own server at the other end: what a server of ours would seldom do. */
#define _GNU_SOURCE
#include "backend/redis/net/tls.h"

#include "base/clock.h"
#include "support/certificates.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

enum { DEADLINE_MS = 20000, LARGE = 5 * 1000 * 1000, CAPACITY = 64 * 1024, RECORDS = 8 };

/* The server, which blocks, on a thread of its own. */
struct peer {
    pthread_t thread;
    int fd;
    int version; /* 0: the newest */
    void (*serve)(SSL *ssl);
};

static void *run_peer(void *arg) {
    struct peer *peer = arg;
    sigset_t pipe; /* OpenSSL's sockets raise it; ours must not, so that it stays deadly to the test's own thread */
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_chain_file(context, certificates_file("server.crt"));
    SSL_CTX_use_PrivateKey_file(context, certificates_file("server.key"), SSL_FILETYPE_PEM);
    SSL_CTX_set_max_proto_version(context, peer->version);
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, peer->fd);
    if (SSL_accept(ssl) == 1)
        peer->serve(ssl);
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(peer->fd);
    return NULL;
}

static struct scene {
    struct peer peer;
    struct trust_options options;
    struct trust *trust;
    struct tls *tls;
    int fd;
    char ca_file[160];
    char empty[1];
} scene;

static bool ready(int events, int64_t end_ms) {
    struct pollfd fd = { .fd = scene.fd, .events = (short)events };
    int64_t left_ms = end_ms - clock_now_ms();
    return left_ms > 0 && poll(&fd, 1, (int)left_ms) > 0;
}

static void scene_begin(void (*serve)(SSL *ssl), int version) {
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    scene = (struct scene){ .peer = { .fd = fds[1], .serve = serve, .version = version }, .fd = fds[0] };
    snprintf(scene.ca_file, sizeof scene.ca_file, "%s", certificates_file("authority.crt"));
    scene.options = (struct trust_options){ .ca_file = scene.ca_file, .verify = true };
    scene.options.ca_dir = scene.options.certificate = scene.options.key = scene.options.server_name = scene.empty;
    assert_int_equal(pthread_create(&scene.peer.thread, NULL, run_peer, &scene.peer), 0);
    scene.trust = trust_new(&scene.options);
    scene.tls = tls_new(trust_context(scene.trust, NULL), &scene.options, scene.fd, "localhost");
    assert_non_null(scene.tls);
    int64_t end_ms = clock_now_ms() + DEADLINE_MS;
    for (int events; (events = tls_shake_hands(scene.tls)) != 0;)
        if (events < 0 || !ready(events, end_ms))
            fail_msg("no handshake: %s", tls_failure(scene.tls));
}

static void scene_end(void) {
    tls_free(scene.tls);
    close(scene.fd);
    pthread_join(scene.peer.thread, NULL);
    trust_free(scene.trust);
}

static void write_all(const char *data, size_t size) {
    int64_t end_ms = clock_now_ms() + DEADLINE_MS;
    for (size_t at = 0; at < size;) {
        int64_t sent = tls_write(scene.tls, data + at, size - at);
        assert_true(sent > 0 || (sent == 0 && ready(POLLOUT, end_ms)));
        at += (size_t)sent;
    }
}

/* Until so many bytes have come; as a link does, one read a poll. */
static void read_all(char *data, size_t size) {
    static char bytes[CAPACITY];
    int64_t end_ms = clock_now_ms() + DEADLINE_MS;
    for (size_t at = 0; at < size;) {
        assert_true(ready(POLLIN, end_ms));
        int64_t got = tls_read(scene.tls, bytes, sizeof bytes);
        assert_true(got >= 0 && at + (size_t)got <= size);
        memcpy(data + at, bytes, (size_t)got);
        at += (size_t)got;
    }
}

/* ---- what servers do ---- */

static void echo(SSL *ssl) {
    char bytes[10000];
    for (int got; (got = SSL_read(ssl, bytes, sizeof bytes)) > 0;)
        if (SSL_write(ssl, bytes, got) != got)
            return;
}

static void change_keys(SSL *ssl) {
    char byte;
    for (int i = 0; i < 50 && SSL_read(ssl, &byte, 1) == 1; i++) {
        SSL_key_update(ssl, i % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
        SSL_write(ssl, &byte, 1);
    }
}

static void say_much_at_once(SSL *ssl) {
    static const char record[16 * 1024] = { 0 };
    char byte;
    for (int i = 0; i < RECORDS; i++)
        SSL_write(ssl, record, i % 2 == 0 ? (int)sizeof record : 10);
    SSL_read(ssl, &byte, 1);
}

static void say_a_word_and_leave(SSL *ssl) {
    SSL_write(ssl, "word", 4);
}

/* ---- the tests ---- */

static void *write_large(void *data) {
    write_all(data, LARGE);
    return NULL;
}

static void one_thread_writes_while_another_reads(void **state) {
    (void)state;
    const int versions[] = { 0, TLS1_2_VERSION };
    char *sent = malloc(LARGE), *got = malloc(LARGE);
    for (size_t i = 0; i < LARGE; i++)
        sent[i] = (char)(i * i >> 8);
    for (size_t i = 0; i < 2; i++) {
        pthread_t writer;
        scene_begin(echo, versions[i]);
        assert_int_equal(pthread_create(&writer, NULL, write_large, sent), 0);
        read_all(got, LARGE);
        pthread_join(writer, NULL);
        assert_memory_equal(got, sent, LARGE);
        scene_end();
    }
    free(sent);
    free(got);
}

static void a_server_may_change_its_keys(void **state) {
    (void)state;
    scene_begin(change_keys, 0);
    for (int i = 0; i < 50; i++) {
        char byte = (char)('a' + i % 26), got = 0;
        write_all(&byte, 1);
        read_all(&got, 1);
        assert_int_equal(got, byte);
    }
    scene_end();
}

/* poll knows what lies in the socket, not what OpenSSL has taken out of it. */
static void nothing_is_left_where_poll_does_not_see_it(void **state) {
    (void)state;
    static char bytes[CAPACITY];
    const size_t all = RECORDS / 2 * (16 * 1024 + 10);
    scene_begin(say_much_at_once, 0);
    int64_t end_ms = clock_now_ms() + DEADLINE_MS;
    for (int waiting = 0; (size_t)waiting <= all && clock_now_ms() < end_ms; usleep(1000))
        ioctl(scene.fd, FIONREAD, &waiting);
    for (size_t at = 0; at < all;) {
        assert_true(ready(POLLIN, clock_now_ms() + 10)); /* all is there: poll knows at once */
        int64_t got = tls_read(scene.tls, bytes, sizeof bytes);
        assert_true(got > 0);
        at += (size_t)got;
    }
    assert_false(ready(POLLIN, clock_now_ms() + 10));
    assert_int_equal(tls_read(scene.tls, bytes, sizeof bytes), 0);
    scene_end();
}

static void the_last_words_are_read_before_the_end(void **state) {
    (void)state;
    char word[4];
    static char bytes[CAPACITY];
    scene_begin(say_a_word_and_leave, 0);
    read_all(word, sizeof word);
    assert_memory_equal(word, "word", 4);
    int64_t end_ms = clock_now_ms() + DEADLINE_MS, got;
    while ((got = tls_read(scene.tls, bytes, sizeof bytes)) == 0)
        assert_true(ready(POLLIN, end_ms));
    assert_int_equal(got, -1);
    assert_string_equal(tls_failure(scene.tls), "the server closed it");
    assert_int_equal(tls_read(scene.tls, bytes, sizeof bytes), -1);
    assert_int_equal(tls_write(scene.tls, "x", 1), -1); /* and no SIGPIPE */
    scene_end();
}

static void what_it_speaks_is_told(void **state) {
    (void)state;
    char text[64];
    scene_begin(echo, TLS1_2_VERSION);
    tls_describe(scene.tls, text, sizeof text);
    assert_memory_equal(text, "TLSv1.2 ", 8);
    int64_t days = tls_seconds_left(scene.tls) / (24 * 60 * 60);
    assert_true(days == 1 || days == 2);
    scene_end();
}

static int make_certificates(void **state) {
    (void)state;
    return certificates_make() ? 0 : -1;
}

static int remove_certificates(void **state) {
    (void)state;
    certificates_remove();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_writes_while_another_reads),
        cmocka_unit_test(a_server_may_change_its_keys),
        cmocka_unit_test(nothing_is_left_where_poll_does_not_see_it),
        cmocka_unit_test(the_last_words_are_read_before_the_end),
        cmocka_unit_test(what_it_speaks_is_told),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
