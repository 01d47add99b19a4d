/* The stepping driver, connection by connection: the test plays the server. */
#include "runtime/cache.h"
#include "support/scene.h"
#include "support/stores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    rcache *cache;
    rcache_stepper *stepper;
    uint32_t node;
} hand;

/* Drains until an event of the kind comes, or time is over. */
static rcache_event next_event(uint32_t kind) {
    rcache_event event = { 0 };
    wait_for(rcache_stepper_drain(hand.stepper, &event, 1) == 1 && event.kind == kind);
    return event;
}

static void hand_open(const char *options) {
    rcache_error err;
    hand.cache = scene_open(options);
    assert_int_equal(rcache_stepper_new(hand.cache, &hand.stepper, &err), RCACHE_OK);
    const uint32_t size = 1;
    rcache_stepper_submit(hand.stepper, rcache_op_get(hand.cache, "k", &size, 1, NULL), 7);
    rcache_event event = next_event(RCACHE_EVENT_CONNECT);
    assert_memory_equal(event.value.data, "redis://127.0.0.1:", 18);
    hand.node = event.node;
}

static void hand_close(void) {
    rcache_stepper_free(hand.stepper);
    rcache_close(hand.cache);
}

static void expect_done(int32_t status, const char *part) {
    rcache_event event = next_event(RCACHE_EVENT_DONE);
    assert_int_equal(event.tag, 7);
    assert_int_equal(event.value.status, status);
    if (strstr(rcache_result_message(event.result, 0), part) == NULL)
        fail_msg("no '%s' in: %s", part, rcache_result_message(event.result, 0));
    rcache_result_free(event.result);
}

static void expect_close(void) {
    assert_int_equal(next_event(RCACHE_EVENT_CLOSE).node, hand.node);
}

static void receive_text(const char *bytes) {
    rcache_stepper_receive(hand.stepper, hand.node, bytes, strlen(bytes));
}

static void a_connection_that_can_not_be_made_is_an_error(void **state) {
    (void)state;
    hand_open(NULL);
    rcache_stepper_lost(hand.stepper, hand.node, "connection refused");
    expect_done(RCACHE_E_UNAVAILABLE, "connection refused");
    const uint32_t size = 1; /* and is not tried again at once */
    rcache_stepper_submit(hand.stepper, rcache_op_get(hand.cache, "k", &size, 1, NULL), 7);
    expect_done(RCACHE_E_UNAVAILABLE, "connection refused");
    hand_close();
}

static void a_connection_that_does_not_come_is_given_up(void **state) {
    (void)state;
    hand_open("connect_timeout=20ms");
    assert_in_range(rcache_stepper_wait_ms(hand.stepper), 0, 20);
    expect_done(RCACHE_E_UNAVAILABLE, "connect_timeout");
    expect_close();
    rcache_stepper_connected(hand.stepper, hand.node, NULL); /* comes too late, and does no harm */
    hand_close();
}

static void a_handshake_without_an_answer_is_given_up(void **state) {
    (void)state;
    hand_open("connect_timeout=20ms");
    rcache_stepper_connected(hand.stepper, hand.node, NULL);
    assert_memory_equal(next_event(RCACHE_EVENT_SEND).value.data, "*2\r\n$5\r\nHELLO", 13);
    assert_int_equal(rcache_stepper_facts(hand.stepper, hand.node, NULL, 0), 0);
    expect_done(RCACHE_E_UNAVAILABLE, "does not answer");
    expect_close();
    hand_close();
}

static void what_a_server_says_before_it_closes_is_told(void **state) {
    (void)state;
    hand_open(NULL);
    rcache_stepper_connected(hand.stepper, hand.node, NULL);
    receive_text("-ERR max number of clients reached\r\n");
    rcache_stepper_lost(hand.stepper, hand.node, "the server closed it");
    expect_done(RCACHE_E_UNAVAILABLE, "the server closed it, after it had said 'ERR max number of clients reached'");
    hand_close();
}

static void a_refused_password_is_an_error(void **state) {
    (void)state;
    hand_open(NULL);
    rcache_stepper_connected(hand.stepper, hand.node, NULL);
    receive_text("-NOAUTH Authentication required.\r\n");
    expect_done(RCACHE_E_AUTH, "NOAUTH");
    expect_close();
    hand_close();
}

static void what_is_no_reply_ends_the_connection(void **state) {
    (void)state;
    hand_open(NULL);
    rcache_stepper_connected(hand.stepper, hand.node, NULL);
    receive_text("HTTP/1.1 400 Bad Request\r\n\r\n");
    expect_done(RCACHE_E_PROTOCOL, "no Redis server");
    expect_close();
    receive_text("more of it"); /* of a node that is closed: ignored */
    hand_close();
    hand_open(NULL);
    rcache_stepper_connected(hand.stepper, hand.node, "0000000000000001");
    next_event(RCACHE_EVENT_SEND);
    receive_text("$-1\r\n+one too many\r\n");
    expect_done(RCACHE_OK, "");
    expect_close();
    hand_close();
}

static void a_request_without_an_answer_is_given_up(void **state) {
    (void)state;
    hand_open("op_timeout=20ms");
    rcache_stepper_connected(hand.stepper, hand.node, "0000000000000000-t");
    assert_memory_equal(next_event(RCACHE_EVENT_SEND).value.data, "*2\r\n$3\r\nGET", 11);
    assert_false(rcache_stepper_idle(hand.stepper, hand.node));
    expect_done(RCACHE_E_UNAVAILABLE, "op_timeout");
    expect_close();
    hand_close();
}

static void a_short_deadline_ends_the_first_wait(void **state) {
    (void)state;
    hand_open("connect_timeout=10s&op_timeout=10s&deadline=30s");
    const rcache_call call = { .struct_size = sizeof call, .deadline_ms = 20 };
    const uint32_t size = 1;
    rcache_stepper_submit(hand.stepper, rcache_op_get(hand.cache, "k", &size, 1, &call), 7);
    expect_done(RCACHE_E_TIMEOUT, "before the server answered");
    rcache_stepper_connected(hand.stepper, hand.node, "0000000000000000");
    next_event(RCACHE_EVENT_SEND);
    receive_text("$1\r\nv\r\n"); /* for the one that waits still */
    expect_done(RCACHE_OK, "");
    receive_text("$1\r\nv\r\n"); /* and for the one that was given up */
    assert_true(rcache_stepper_idle(hand.stepper, hand.node));
    hand_close();
}

static const char *const INVALIDATED = "*1\r\n$4\r\nDONE\r\n";

/* Three invalidations go out together, and one WAIT confirms them all, or none. */
static void confirm_three_by_one_wait(const char *confirmed, int32_t status) {
    hand.cache = scene_open("wait_replicas=2&wait_replicas_timeout=5s");
    assert_int_equal(rcache_stepper_new(hand.cache, &hand.stepper, NULL), RCACHE_OK);
    const uint32_t size = 1;
    for (int i = 0; i < 3; i++)
        rcache_stepper_submit(hand.stepper, rcache_op_invalidate(hand.cache, "k", &size, 1, NULL), 7);
    hand.node = next_event(RCACHE_EVENT_CONNECT).node;
    rcache_stepper_connected(hand.stepper, hand.node, "0000000000000000");
    rcache_event event = next_event(RCACHE_EVENT_SEND);
    char *sent = calloc(1, event.value.size + 1);
    memcpy(sent, event.value.data, event.value.size);
    char *wait = strstr(sent, "WAIT\r\n$1\r\n2\r\n$4\r\n5000\r\n");
    assert_true(wait != NULL && strstr(wait, "EVALSHA") == NULL && strstr(wait + 1, "WAIT") == NULL);
    free(sent);
    for (int i = 0; i < 3; i++)
        receive_text(INVALIDATED);
    assert_int_equal(rcache_stepper_drain(hand.stepper, &event, 1), 0);
    assert_false(rcache_stepper_idle(hand.stepper, hand.node));
    receive_text(confirmed);
    for (int i = 0; i < 3; i++)
        expect_done(status, "");
    assert_true(rcache_stepper_idle(hand.stepper, hand.node));
    hand_close();
}

static void invalidations_share_their_wait(void **state) {
    (void)state;
    confirm_three_by_one_wait(":2\r\n", RCACHE_OK);
    confirm_three_by_one_wait(":1\r\n", RCACHE_E_TIMEOUT);
    confirm_three_by_one_wait("-ERR unknown command\r\n", RCACHE_OK);
}

static void what_waits_for_replicas_is_sent_again_when_the_connection_ends(void **state) {
    (void)state;
    hand.cache = scene_open("wait_replicas=1");
    assert_int_equal(rcache_stepper_new(hand.cache, &hand.stepper, NULL), RCACHE_OK);
    const uint32_t size = 1;
    for (int i = 0; i < 2; i++)
        rcache_stepper_submit(hand.stepper, rcache_op_invalidate(hand.cache, "k", &size, 1, NULL), 7);
    hand.node = next_event(RCACHE_EVENT_CONNECT).node;
    rcache_stepper_connected(hand.stepper, hand.node, "0000000000000000");
    next_event(RCACHE_EVENT_SEND);
    receive_text(INVALIDATED); /* of the first, and no WAIT's */
    rcache_stepper_lost(hand.stepper, hand.node, "cut off");
    hand.node = next_event(RCACHE_EVENT_CONNECT).node;
    rcache_stepper_connected(hand.stepper, hand.node, "0000000000000000");
    next_event(RCACHE_EVENT_SEND);
    receive_text(INVALIDATED);
    receive_text(INVALIDATED);
    receive_text(":1\r\n");
    expect_done(RCACHE_OK, "");
    expect_done(RCACHE_OK, "");
    hand_close();
}

/* The server that comes back is another process: it may have lost what the one before had acknowledged. */
static void a_server_that_was_replaced_is_told_of_recent_invalidations(void **state) {
    (void)state;
    hand.cache = scene_open("connections=1");
    assert_int_equal(rcache_stepper_new(hand.cache, &hand.stepper, NULL), RCACHE_OK);
    const uint32_t size = 6;
    const rcache_call call = { .struct_size = sizeof call, .version = 98765 };
    rcache_stepper_submit(hand.stepper, rcache_op_invalidate(hand.cache, "user:1", &size, 1, &call), 7);
    hand.node = next_event(RCACHE_EVENT_CONNECT).node;
    rcache_stepper_connected(hand.stepper, hand.node, "0000000000000001");
    next_event(RCACHE_EVENT_SEND);
    receive_text(INVALIDATED);
    expect_done(RCACHE_OK, "");
    const char *const facts[] = { "0000000000000001", "0000000000000002", "0000000000000002" };
    for (size_t i = 0; i < 3; i++) {
        rcache_stepper_lost(hand.stepper, hand.node, "restarted");
        rcache_stepper_submit(hand.stepper, rcache_op_get(hand.cache, "k", &(uint32_t){ 1 }, 1, NULL), 7);
        hand.node = next_event(RCACHE_EVENT_CONNECT).node;
        rcache_stepper_connected(hand.stepper, hand.node, facts[i]);
        rcache_event event = next_event(RCACHE_EVENT_SEND);
        char *sent = calloc(1, event.value.size + 1);
        memcpy(sent, event.value.data, event.value.size);
        bool replaced = i == 1;
        assert_int_equal(strstr(sent, "user:1") != NULL, replaced);
        assert_int_equal(strstr(sent, "98765") != NULL, replaced);
        free(sent);
        receive_text("$1\r\nv\r\n");
        expect_done(RCACHE_OK, "");
        if (replaced)
            receive_text(INVALIDATED);
        assert_true(rcache_stepper_idle(hand.stepper, hand.node));
    }
    assert_int_equal(counter(hand.cache, "invalidations_resent"), 1);
    hand_close();
}

/* HELLO, INFO twice, then the scripts; what a server of that run id is taken for is in the facts. */
static void expect_facts(const char *options, const char *run_id, const char *expected) {
    char facts[64], info[128];
    hand_open(options);
    rcache_stepper_connected(hand.stepper, hand.node, NULL);
    next_event(RCACHE_EVENT_SEND);
    receive_text("*2\r\n$5\r\nproto\r\n:2\r\n");
    rcache_event event = next_event(RCACHE_EVENT_SEND);
    char *sent = calloc(1, event.value.size + 1);
    memcpy(sent, event.value.data, event.value.size);
    size_t scripts = 0;
    for (const char *at = sent; (at = strstr(at, "$6\r\nSCRIPT")) != NULL; at++)
        scripts++;
    free(sent);
    snprintf(info, sizeof info, "$%zu\r\nrun_id:%s\r\n\r\n", strlen(run_id) + 9, run_id);
    receive_text(info);
    receive_text("-NOPERM\r\n"); /* what is refused is not known, and that is all */
    for (size_t i = 0; i < scripts; i++)
        receive_text("$40\r\n0123456789012345678901234567890123456789\r\n");
    assert_true(scripts > 0 && rcache_stepper_facts(hand.stepper, hand.node, facts, sizeof facts) > 0);
    assert_int_equal(strcmp(facts, "0000000000000000") == 0, strcmp(expected, "unknown") == 0);
    hand_close();
}

static void an_epoch_that_is_trusted_is_not_looked_at(void **state) {
    (void)state;
    expect_facts(NULL, "c0ffee", "known");
    expect_facts("failover=trust", "c0ffee", "unknown");
}

static void facts_that_are_none_lead_to_a_handshake(void **state) {
    (void)state;
    hand_open(NULL);
    rcache_stepper_connected(hand.stepper, hand.node, "nonsense");
    assert_memory_equal(next_event(RCACHE_EVENT_SEND).value.data, "*2\r\n$5\r\nHELLO", 13);
    hand_close();
}

static void a_reply_from_before_the_server_is_the_primary_again_is_not_taken(void **state) {
    (void)state;
    hand_open(NULL);
    rcache_stepper_connected(hand.stepper, hand.node, "0000000000000001");
    next_event(RCACHE_EVENT_SEND);
    node_rise(hand.cache->topology.nodes[0], true);
    receive_text("$1\r\nv\r\n");
    expect_close();
    hand.node = next_event(RCACHE_EVENT_CONNECT).node;
    rcache_stepper_connected(hand.stepper, hand.node, "0000000000000001"); /* which may be one from before, too */
    assert_memory_equal(next_event(RCACHE_EVENT_SEND).value.data, "*2\r\n$5\r\nHELLO", 13);
    hand_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_that_can_not_be_made_is_an_error),
        cmocka_unit_test(a_connection_that_does_not_come_is_given_up),
        cmocka_unit_test(a_handshake_without_an_answer_is_given_up),
        cmocka_unit_test(what_a_server_says_before_it_closes_is_told),
        cmocka_unit_test(a_refused_password_is_an_error),
        cmocka_unit_test(what_is_no_reply_ends_the_connection),
        cmocka_unit_test(a_request_without_an_answer_is_given_up),
        cmocka_unit_test(a_short_deadline_ends_the_first_wait),
        cmocka_unit_test(invalidations_share_their_wait),
        cmocka_unit_test(what_waits_for_replicas_is_sent_again_when_the_connection_ends),
        cmocka_unit_test(a_server_that_was_replaced_is_told_of_recent_invalidations),
        cmocka_unit_test(an_epoch_that_is_trusted_is_not_looked_at),
        cmocka_unit_test(facts_that_are_none_lead_to_a_handshake),
        cmocka_unit_test(a_reply_from_before_the_server_is_the_primary_again_is_not_taken),
    };
    const struct scene_tests group = { "stepper's connections", tests, sizeof tests / sizeof tests[0], false };
    struct store nobody = { .name = "nobody's server", .url = "redis://127.0.0.1:6379" };
    return scene_run_on(&nobody, &group, 1);
}
