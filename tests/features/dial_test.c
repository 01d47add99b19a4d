/* A server that takes connections and never says a word: nobody waits for it longer than he has time. */
#include "support/scene.h"
#include "support/stores.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEADLINE_MS = 100, MARGIN_MS = 4000 };

static struct store mute = { .name = "a server that is mute" };
static const rcache_call HURRY = { .struct_size = sizeof HURRY, .deadline_ms = DEADLINE_MS };

static int listen_in_silence(void) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 64) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &size) == 0;
    if (!ok)
        return -1;
    snprintf(mute.url, sizeof mute.url, "redis://127.0.0.1:%u", ntohs(address.sin_port));
    return fd;
}

static void a_caller_is_told_at_his_deadline(void **state) {
    (void)state;
    rcache *cache = scene_open("connect_timeout=30s&op_timeout=30s");
    struct database database = { .row = 1 };
    int64_t begin_ms = scene_now_ms();
    assert_int_equal(fetch_until(cache, "k", &database, 0, DEADLINE_MS).status, RCACHE_E_TIMEOUT);
    assert_int_equal(fetch_until(cache, "k", &database, 0, DEADLINE_MS).status, RCACHE_E_TIMEOUT);
    assert_in_range(scene_now_ms() - begin_ms, 2 * DEADLINE_MS, MARGIN_MS);
    rcache_close(cache);
}

/* The service thread keeps the time, and doesn't dial itself. */
static void an_op_of_a_queue_is_told_at_its_deadline(void **state) {
    (void)state;
    rcache *cache = scene_open("connect_timeout=30s&op_timeout=30s");
    rcache_queue *queue;
    rcache_event event;
    const uint32_t size = 1;
    assert_int_equal(rcache_queue_new(cache, &queue, NULL), RCACHE_OK);
    int64_t begin_ms = scene_now_ms();
    rcache_queue_submit(queue, rcache_op_get(cache, "k", &size, 1, &HURRY), 1);
    struct pollfd fd = { .fd = rcache_queue_fd(queue), .events = POLLIN };
    assert_int_equal(poll(&fd, 1, MARGIN_MS), 1);
    assert_int_equal(rcache_queue_drain(queue, &event, 1), 1);
    assert_int_equal(event.value.status, RCACHE_E_TIMEOUT);
    assert_in_range(scene_now_ms() - begin_ms, DEADLINE_MS, MARGIN_MS);
    rcache_result_free(event.result);
    rcache_queue_free(queue);
    rcache_close(cache);
}

static void who_has_time_is_told_that_nobody_answers(void **state) {
    (void)state;
    rcache *cache = scene_open("connect_timeout=50ms");
    struct answer answer = get(cache, "k");
    assert_int_equal(answer.status, RCACHE_E_UNAVAILABLE);
    assert_non_null(strstr(answer.message, "does not answer"));
    rcache_close(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_caller_is_told_at_his_deadline),
        cmocka_unit_test(an_op_of_a_queue_is_told_at_its_deadline),
        cmocka_unit_test(who_has_time_is_told_that_nobody_answers),
    };
    const struct scene_tests group = { "dial", tests, sizeof tests / sizeof tests[0], false };
    int fd = listen_in_silence();
    int failed = fd >= 0 ? scene_run_on(&mute, &group, 1) : 1;
    close(fd);
    return failed;
}
