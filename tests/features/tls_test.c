/* TLS as a program meets it: many threads on one cache, large values beside small ones, a server that dies. */
#define _GNU_SOURCE
#include "support/certificates.h"
#include "support/scene.h"
#include "support/stores.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* OpenSSL was built without the thread sanitizer, which doesn't see how it keeps its threads apart. */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) {
    return "called_from_lib:libcrypto.so\ncalled_from_lib:libssl.so\n";
}

enum { THREADS = 6, LARGE = 3 * 1000 * 1000 };

static struct store secured = { .name = "redis 7.0 by TLS" };
static uint16_t tls_port;
static const char *arguments[16]; /* of the server */
static _Atomic bool stopped;

struct traveller {
    pthread_t thread;
    rcache *cache;
    int number;
    int rounds;
    _Atomic int done;
    _Atomic int wrong;
};

static bool set_and_get(struct traveller *self, const char *key, const char *value, uint32_t value_size) {
    uint32_t size = (uint32_t)strlen(key);
    rcache_result *result;
    rcache_value got;
    int32_t status = rcache_op_run(rcache_op_set(self->cache, key, &size, value, &value_size, 1, 100000, NULL), NULL,
                                   NULL, NULL);
    if (status != RCACHE_OK)
        return false;
    status = rcache_op_run(rcache_op_get(self->cache, key, &size, 1, NULL), NULL, NULL, &result);
    rcache_result_values(result, &got, 1);
    if (status == RCACHE_OK && got.outcome == RCACHE_HIT &&
        (got.size != value_size || memcmp(got.data, value, value_size) != 0))
        self->wrong++;
    rcache_result_free(result);
    return status == RCACHE_OK;
}

/* Every second traveller has large values; all go by the same connections. */
static void *travel(void *arg) {
    struct traveller *self = arg;
    uint32_t size = self->number % 2 == 0 ? LARGE : 100;
    char key[32], *value = malloc(size);
    snprintf(key, sizeof key, "traveller:%d", self->number);
    for (int i = 0; i < self->rounds && !stopped; i++) {
        memset(value, 'a' + (i + self->number) % 26, size);
        if (set_and_get(self, key, value, size))
            self->done++;
    }
    free(value);
    return NULL;
}

static void many_threads_share_a_connection(void **state) {
    (void)state;
    struct traveller travellers[THREADS];
    rcache *cache = scene_open("connections=1");
    for (int i = 0; i < THREADS; i++) {
        travellers[i] = (struct traveller){ .cache = cache, .number = i, .rounds = i % 2 == 0 ? 8 : 200 };
        assert_int_equal(pthread_create(&travellers[i].thread, NULL, travel, &travellers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(travellers[i].thread, NULL);
        assert_int_equal(travellers[i].wrong, 0);
        assert_int_equal(travellers[i].done, travellers[i].rounds);
    }
    rcache_close(cache);
}

static void one_load_serves_all_who_wait(void **state) {
    (void)state;
    struct database database = { .row = 1, .held = true };
    struct errand errands[THREADS];
    rcache *caches[2] = { scene_open(NULL), scene_open(NULL) };
    const char *key = key_of("hot");
    for (int i = 0; i < THREADS; i++) {
        errands[i] = (struct errand){ .cache = caches[i % 2], .key = key, .database = &database };
        errand_begin(&errands[i]);
    }
    wait_for(counter(caches[0], "leases_busy") + counter(caches[1], "leases_busy") > 0);
    database.held = false;
    for (int i = 0; i < THREADS; i++)
        assert_string_equal(errand_end(&errands[i]).text, "v1");
    assert_int_equal(database.loads, 1);
    rcache_close(caches[0]);
    rcache_close(caches[1]);
}

static int all_done(const struct traveller *travellers, const int *before) {
    for (int i = 0; i < THREADS; i++)
        if (travellers[i].done <= before[i])
            return 0;
    return 1;
}

static void a_server_that_dies_under_way_is_come_back_to(void **state) {
    (void)state;
    struct traveller travellers[THREADS];
    int none[THREADS] = { 0 }, before[THREADS];
    rcache *cache = scene_open(NULL);
    for (int i = 0; i < THREADS; i++) {
        travellers[i] = (struct traveller){ .cache = cache, .number = i, .rounds = 1000 * 1000 };
        assert_int_equal(pthread_create(&travellers[i].thread, NULL, travel, &travellers[i]), 0);
    }
    wait_for(all_done(travellers, none));
    test_store_end(&secured, SIGKILL);
    assert_true(test_store_restart(&secured, arguments));
    for (int i = 0; i < THREADS; i++)
        before[i] = travellers[i].done;
    wait_for(all_done(travellers, before));
    stopped = true;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(travellers[i].thread, NULL);
        assert_int_equal(travellers[i].wrong, 0);
    }
    stopped = false;
    rcache_close(cache);
}

static void a_stepper_names_the_scheme_and_leaves_tls_to_its_caller(void **state) {
    (void)state;
    rcache *cache;
    rcache_stepper *stepper;
    rcache_event event;
    char wanted[64];
    const uint32_t size = 1;
    snprintf(wanted, sizeof wanted, "rediss://localhost:%u", tls_port);
    cache = scene_open("tls_certificate=/nowhere");
    assert_int_equal(rcache_stepper_new(cache, &stepper, NULL), RCACHE_OK);
    rcache_stepper_submit(stepper, rcache_op_get(cache, "k", &size, 1, NULL), 1);
    assert_int_equal(rcache_stepper_drain(stepper, &event, 1), 1);
    assert_int_equal(event.kind, RCACHE_EVENT_CONNECT);
    assert_int_equal(event.value.size, strlen(wanted));
    assert_memory_equal(event.value.data, wanted, event.value.size);
    rcache_stepper_free(stepper);
    rcache_close(cache);
}

/* ---- the server, with certificates made for it ---- */

static bool start(void) {
    static char port[8];
    if (!certificates_make())
        return false;
    tls_port = test_store_free_port();
    snprintf(port, sizeof port, "%u", tls_port);
    secured.program = test_program_of("RCACHE_TEST_REDIS7", "redis-server");
    const char *const wanted[] = { "--tls-port", port, "--tls-auth-clients", "no", "--tls-cert-file",
                                   certificates_file("server.crt"), "--tls-key-file", certificates_file("server.key"),
                                   "--tls-ca-cert-file", certificates_file("authority.crt"), NULL };
    memcpy(arguments, wanted, sizeof wanted);
    if (!test_store_start(&secured, arguments))
        return false;
    snprintf(secured.url, sizeof secured.url, "rediss://localhost:%u?op_timeout=10s&connect_timeout=10s&tls_ca_file=%s",
             tls_port, certificates_file("authority.crt"));
    return true;
}

static void stop(void) {
    test_store_end(&secured, SIGKILL);
    test_store_remove(&secured);
    certificates_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads_share_a_connection),
        cmocka_unit_test(one_load_serves_all_who_wait),
        cmocka_unit_test(a_server_that_dies_under_way_is_come_back_to),
        cmocka_unit_test(a_stepper_names_the_scheme_and_leaves_tls_to_its_caller),
    };
    store_now = &secured;
    int failed = start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
    stop();
    return failed;
}
