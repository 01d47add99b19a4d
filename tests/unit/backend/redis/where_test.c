/* where: redirections, and maps of clusters and Sentinels, sensible and not. */
#include "talk.h"

#include "backend/redis/where.h"

static const char *detour(const char *error) {
    static const char *const kinds[] = { "none", "moved", "ask", "later" };
    static char text[128];
    struct detour found = detour_read(slice_of_text(error));
    snprintf(text, sizeof text, "%s %u %.*s %u", kinds[found.kind], found.slot, (int)found.host.size,
             found.host.size > 0 ? found.host.data : "", found.port);
    return text;
}

static void redirections_name_slot_and_server(void **state) {
    (void)state;
    assert_string_equal(detour("MOVED 3999 127.0.0.1:6381"), "moved 3999 127.0.0.1 6381");
    assert_string_equal(detour("ASK 0 cache-1.example:1"), "ask 0 cache-1.example 1");
    assert_string_equal(detour("MOVED 16383 ::1:6379"), "moved 16383 ::1 6379");
    assert_string_equal(detour("MOVED 5 :7000"), "moved 5  7000"); /* the host that told */
}

static void what_is_no_redirection_leads_nowhere(void **state) {
    (void)state;
    const char *const others[] = { "", "MOVED", "MOVED 1", "MOVED 16384 a:1", "MOVED x a:1", "MOVED 1 a", "MOVED 1 a:",
                                   "MOVED 1 a:0", "MOVED 1 a:65536", "MOVED 1 a:6379x", "ERR MOVED 1 a:1", "ERR no" };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(detour_read(slice_of_text(others[i])).kind, DETOUR_NONE);
}

static void what_may_pass_is_tried_later(void **state) {
    (void)state;
    assert_string_equal(detour("CLUSTERDOWN Hash slot not served"), "later 0  0");
    assert_string_equal(detour("TRYAGAIN Multiple keys request during rehashing of slot"), "later 0  0");
    assert_string_equal(detour("ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write"),
                        "later 0  0");
}

static void a_cluster_is_asked_for_its_slots(void **state) {
    (void)state;
    struct request where = { .verb = VERB_WHERE };
    expect(where, "*1 *4 :0 :16383 *3 $a :1 $id *2 $b :2", "FRESH '0 16383 a 1 b 2\n'");
    expect(where, "*2 *3 :0 :1 *2 $a :1 *3 :2 :2 *2 _ :2", "FRESH '0 1 a 1\n2 2 - 2\n'");
    expect(where, "*1 *3 :0 :1 *2 $? :1", "FRESH '0 1 - 1\n'");
    expect(where, "*1 *3 :0 :1 *2 $a\n9 :1", "FRESH '0 1 - 1\n'");
    const char *const none[] = { "*0",
                                 "_",
                                 "*1 *3 :0 :16384 *2 $a :1",
                                 "*1 *3 :-1 :1 *2 $a :1",
                                 "*1 *3 :2 :1 *2 $a :1",
                                 "*1 *2 :0 :1",
                                 "*1 *3 :0 :1 *1 $a",
                                 "*1 *3 :0 :1 *2 $a :0",
                                 "*1 *3 :0 :1 *2 $a :65536",
                                 "*1 *3 :0 $1 *2 $a :1",
                                 "*1 $a" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        expect(where, none[i], "RCACHE_E_PROTOCOL: the server's reply has an unexpected shape");
    expect(where, "-ERR This instance has cluster support disabled",
           "RCACHE_E_SERVER: ERR This instance has cluster support disabled");
}

static void a_sentinel_is_asked_for_its_master(void **state) {
    (void)state;
    struct request where = { .verb = VERB_WHERE, .owner = slice_of_text("mymaster") };
    expect(where, "*2 $10.0.0.1 $6379", "FRESH '0 16383 10.0.0.1 6379\n'");
    expect(where, "_", "RCACHE_E_SERVER: the Sentinels watch no master 'mymaster': name another in the URL's path");
    const char *const none[] = { "*2 $ $6379", "*2 $a $x", "*2 $a $0", "*2 $a $65536", "*1 $a", "*2 $a :1" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        expect(where, none[i], "RCACHE_E_PROTOCOL: the server's reply has an unexpected shape");
}

static void maps_are_read_line_by_line(void **state) {
    (void)state;
    struct slice map = slice_of_text("0 99 a 1 b 2 - 3\n100 16383 - 4\n");
    struct map_range range;
    struct map_server server;
    assert_true(map_next_range(&map, &range));
    assert_int_equal(range.first, 0);
    assert_int_equal(range.last, 99);
    assert_true(slice_equal(range.primary.host, slice_of_text("a")));
    assert_true(map_next_server(&range.replicas, &server));
    assert_int_equal(server.port, 2);
    assert_true(map_next_server(&range.replicas, &server));
    assert_int_equal(server.host.size, 0);
    assert_false(map_next_server(&range.replicas, &server));
    assert_true(map_next_range(&map, &range));
    assert_int_equal(range.primary.host.size, 0);
    assert_int_equal(range.primary.port, 4);
    assert_false(map_next_range(&map, &range));
    map = slice_of_text("9 8 a 1\n");
    assert_false(map_next_range(&map, &range));
}

static void who_asks_for_once_says_so_first(void **state) {
    (void)state;
    struct request peek = ask(VERB_PEEK);
    peek.asking = true;
    assert_int_equal(hear(&peek, 0, "+OK", &FACTS), REDIS_MORE);
    assert_int_equal(hear(&peek, 1, "*3 _ _ _", &FACTS), REDIS_ANSWERED);
    assert_string_equal(describe(&peek), "MISS");
    request_clear(&peek);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redirections_name_slot_and_server), cmocka_unit_test(what_is_no_redirection_leads_nowhere),
        cmocka_unit_test(what_may_pass_is_tried_later),      cmocka_unit_test(a_cluster_is_asked_for_its_slots),
        cmocka_unit_test(a_sentinel_is_asked_for_its_master), cmocka_unit_test(maps_are_read_line_by_line),
        cmocka_unit_test(who_asks_for_once_says_so_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
