/* topology: requests and their redirections, on a clock of the test's own and without any connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resilicache.h"
#include "runtime/exchange.h"
#include "runtime/topology.h"

enum { OP_TIMEOUT_MS = 1000 };

static char first_host[] = "a";
static const struct settings SETTINGS = { .endpoint = { .scheme = SCHEME_CLUSTER, .first = { first_host, 1 } },
                                          .op_timeout_ms = OP_TIMEOUT_MS,
                                          .topology_refresh_ms = 30000 };

static struct topology topology;
static struct link_node requests, done;
static _Atomic bool closed, replaced;
static struct request request;

static bool connect_node(void *owner, struct node *node) {
    (void)owner, (void)node;
    return true;
}

/* What has come of asking for a map. */
static void answer(struct reply reply, int64_t now_ms) {
    assert_true(topology.asking);
    list_remove(&topology.where.node);
    topology.where.reply = reply;
    list_append(&done, &topology.where.node);
    topology_review(&topology, &done, now_ms, &requests);
}

static void answer_map(const char *map, int64_t now_ms) {
    answer((struct reply){ .status = RCACHE_OK, .value = blob_copy(map, strlen(map)) }, now_ms);
}

static void answer_failure(const char *error, int32_t status, int64_t now_ms) {
    answer((struct reply){ .status = status, .message = blob_copy(error, strlen(error)) }, now_ms);
}

/* A request waits for the first map. */
static int setup_without_map(void **state) {
    (void)state;
    const struct surroundings around = { .settings = &SETTINGS, .closed = &closed, .replaced = &replaced,
                                         .connect = connect_node };
    topology = (struct topology){ .scheme = SCHEME_CLUSTER };
    list_init(&requests);
    list_init(&done);
    replaced = false;
    request = (struct request){ .verb = VERB_INVALIDATE, .key = { "k", 1 } };
    list_init(&request.node);
    return !topology_init(&topology, &around) || topology_route(&topology, &request, 100, &requests, &done);
}

static int setup(void **state) {
    int failed = setup_without_map(state);
    if (!failed)
        answer_map("0 16383 a 1\n", 100);
    return failed;
}

static int teardown(void **state) {
    (void)state;
    request_clear(&request);
    topology_clear(&topology);
    return 0;
}

/* The request is the next to be sent, but for one that asks for a map: to that server. */
static void expect_way(uint32_t server, int64_t now_ms) {
    if (requests.next == &topology.where.node)
        list_remove(&topology.where.node);
    assert_ptr_equal(list_take(&requests), &request.node);
    assert_true(topology_route(&topology, &request, now_ms, &requests, &done));
    assert_int_equal(request.server, server);
}

static void refuse(const char *error, int32_t status, int64_t now_ms) {
    request.reply = (struct reply){ .status = status, .message = blob_copy(error, strlen(error)) };
    list_append(&done, &request.node);
    topology_review(&topology, &done, now_ms, &requests);
}

static void who_is_moved_goes_there_and_the_next_does_at_once(void **state) {
    (void)state;
    expect_way(0, 101);
    refuse("MOVED 7629 b:2", RCACHE_E_SERVER, 102);
    expect_way(1, 103);
    assert_true(topology.asking);
    assert_true(replaced);
    struct request next = { .verb = VERB_PEEK, .key = { "k", 1 } };
    assert_true(topology_route(&topology, &next, 104, &requests, &done));
    assert_int_equal(next.server, 1);
}

static void who_is_sent_to_ask_says_so_and_only_this_once(void **state) {
    (void)state;
    expect_way(0, 101);
    refuse("ASK 7629 b:2", RCACHE_E_SERVER, 102);
    expect_way(1, 103);
    assert_true(request.asking);
    refuse("-", RCACHE_OK, 104);
    assert_ptr_equal(list_take(&done), &request.node);
    assert_false(request.asking);
    list_append(&requests, &request.node);
    expect_way(0, 105);
}

static void what_may_pass_is_tried_again_soon(void **state) {
    (void)state;
    expect_way(0, 101);
    refuse("TRYAGAIN Multiple keys request during rehashing of slot", RCACHE_E_UNAVAILABLE, 102);
    assert_ptr_equal(topology.parked.next, &request.node);
    assert_in_range(topology.due_ms, 103, 102 + 50);
    list_remove(&topology.where.node);
    topology_tick(&topology, topology.due_ms, &requests, &done);
    expect_way(0, 160);
}

static void who_was_sent_about_for_op_timeout_is_told_that_no_server_was_found(void **state) {
    (void)state;
    expect_way(0, 101);
    refuse("MOVED 7629 b:2", RCACHE_E_SERVER, 100 + OP_TIMEOUT_MS);
    assert_ptr_equal(list_take(&done), &request.node);
    assert_int_equal(request.reply.status, RCACHE_E_UNAVAILABLE);
    assert_string_equal(request.reply.message->data, "MOVED 7629 b:2");
}

/* ---- in which reign a connection was made */

/* A call that comes now, and comes back at once. */
static void expect_refusal(const char *error, int32_t status, int64_t now_ms) {
    struct request next = { .verb = VERB_PEEK, .key = { "k", 1 } };
    list_init(&next.node);
    assert_false(topology_route(&topology, &next, now_ms, &requests, &done));
    assert_ptr_equal(list_take(&done), &next.node);
    assert_int_equal(next.reply.status, status);
    assert_string_equal(next.reply.message->data, error);
    request_clear(&next);
}

static void where_nobody_tells_a_map_only_the_first_wait_for_it(void **state) {
    (void)state;
    answer_failure("connection refused", RCACHE_E_UNAVAILABLE, 101);
    topology_tick(&topology, 100 + OP_TIMEOUT_MS, &requests, &done);
    assert_ptr_equal(list_take(&done), &request.node);
    assert_true(topology_is_lost(&topology, 100 + OP_TIMEOUT_MS));
    expect_refusal("connection refused", RCACHE_E_UNAVAILABLE, 2000);
    answer_failure("NOAUTH Authentication required", RCACHE_E_AUTH, 2001);
    expect_refusal("NOAUTH Authentication required", RCACHE_E_AUTH, 2002);
    assert_false(topology.asking); /* now and then is enough */
    expect_refusal("NOAUTH Authentication required", RCACHE_E_AUTH, 2100);
    answer_map("0 16383 a 1\n", 2101);
    assert_false(topology_is_lost(&topology, 9000));
    list_append(&requests, &request.node);
    request.since_ms = 0;
    expect_way(0, 2102);
}

static void take(const char *map, int64_t now_ms) {
    topology_refresh(&topology);
    topology_tick(&topology, now_ms, &requests, &done);
    answer_map(map, now_ms);
}

static void the_connection_that_told_the_first_map_stays(void **state) {
    (void)state;
    assert_false(node_has_risen(topology.nodes[0], 0, false));
    assert_true(node_has_risen(topology.nodes[0], 0, true)); /* to a replica, at that time */
}

static void connections_from_before_it_is_the_primary_again_are_left(void **state) {
    (void)state;
    take("0 16383 b 2\n", 200);
    take("0 16383 a 1\n", 300);
    assert_true(node_has_risen(topology.nodes[0], 0, false));
    assert_true(node_has_risen(topology.nodes[0], 1, false));
    assert_false(node_has_risen(topology.nodes[0], topology.nodes[0]->reign, false));
}

/* As one that a client was sent to, to ask: it may have been a replica since. */
static void connections_from_before_it_took_over_are_left(void **state) {
    (void)state;
    expect_way(0, 101);
    refuse("ASK 7629 b:2", RCACHE_E_SERVER, 102);
    expect_way(1, 103);
    uint32_t reign = topology.nodes[1]->reign;
    take("0 16383 b 2\n", 200);
    assert_true(node_has_risen(topology.nodes[1], reign, false));
}

static void an_epoch_from_before_is_none_of_the_reign(void **state) {
    (void)state;
    struct node *node = topology.nodes[0];
    assert_false(node_is_replaced(node, 0, 0xe1));
    assert_int_equal(node->epoch, 0xe1);
    take("0 16383 b 2\n", 200);
    take("0 16383 a 1\n", 300);
    assert_int_equal(node->epoch, 0);
    assert_false(node_is_replaced(node, 1, 0xe1)); /* it was dialled before */
    assert_int_equal(node->epoch, 0);
    assert_false(node_is_replaced(node, node->reign, 0xe2));
    assert_int_equal(node->epoch, 0xe2);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(who_is_moved_goes_there_and_the_next_does_at_once),
        test(who_is_sent_to_ask_says_so_and_only_this_once),
        test(what_may_pass_is_tried_again_soon),
        test(who_was_sent_about_for_op_timeout_is_told_that_no_server_was_found),
        cmocka_unit_test_setup_teardown(where_nobody_tells_a_map_only_the_first_wait_for_it, setup_without_map,
                                        teardown),
        test(the_connection_that_told_the_first_map_stays),
        test(connections_from_before_it_is_the_primary_again_are_left),
        test(connections_from_before_it_took_over_are_left),
        test(an_epoch_from_before_is_none_of_the_reign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
