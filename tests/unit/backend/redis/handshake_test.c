/* The handshake with each kind of server: what is said, what counts as refused, and what is known at the end.  Replies
 * are in the shorthand of talk.h. */
#include "backend/redis/handshake.h"
#include "backend/redis/scripts.h"
#include "talk.h"

#define HELLO_3 "*6 $server $redis $proto :3 $role $master"
#define HELLO_KVROCKS "*4 $server $redis $proto :2"
#define UNKNOWN "-ERR unknown command 'HELLO', with args beginning with: '3'"
#define ARITY "-ERR wrong number of arguments"
#define NOPERM "-NOPERM this user has no permissions to run this command"
#define SCRIPTS_LEFT "+scripts" /* stands for the replies to SCRIPT LOAD */

/* The first words of the commands that were said, joined by ','. */
static const char *said(struct buffer *out) {
    static char text[TALK_SIZE];
    size_t size = 0;
    text[0] = '\0';
    struct slice bytes = buffer_slice(out);
    struct reader *reader = reader_new();
    const struct resp *command;
    assert_true(reader_feed(reader, bytes.data, bytes.size));
    while (reader_next(reader, &command) > 0) {
        bool load = slice_equal(command->items[0].text, slice_of_text("SCRIPT"));
        for (size_t i = 0; i < command->count && !(load && i == 1); i++)
            size += (size_t)snprintf(text + size, sizeof text - size, "%s%.*s", i > 0 ? " " : size > 0 ? "," : "",
                                     (int)command->items[i].text.size, command->items[i].text.data);
    }
    reader_free(reader);
    buffer_take(out, out->size);
    return text;
}

static struct handshake handshake;

/* What is said first, then a pair for each reply: it, and what is said to it ("": nothing). */
static enum handshake_state talk(const struct handshake_target *target, const char *first,
                                 const char *const (*pairs)[2], size_t count) {
    struct buffer out = BUFFER_INIT;
    enum handshake_state state = handshake_begin(&handshake, target, &out);
    assert_string_equal(said(&out), first);
    for (size_t i = 0; i < count; i++) {
        bool scripts = strcmp(pairs[i][0], SCRIPTS_LEFT) == 0;
        for (size_t left = scripts ? handshake.replies_due - handshake.replies : 1; left > 0; left--) {
            assert_int_equal(state, HANDSHAKE_GOES_ON);
            const struct resp *resp;
            struct reader *reader = reader_of(pairs[i][0]);
            assert_int_equal(reader_next(reader, &resp), 1);
            state = handshake_take(&handshake, resp, &out);
            reader_free(reader);
        }
        assert_string_equal(said(&out), pairs[i][1]);
    }
    buffer_clear(&out);
    return state;
}

#define TALK(target, first, ...) \
    talk(target, first, (const char *const[][2]){ __VA_ARGS__ }, \
         sizeof((const char *const[][2]){ __VA_ARGS__ }) / sizeof(const char *[2]))

/* The commands of the last step, where scripts are loaded. */
static const char *rest(const char *before) {
    static char text[TALK_SIZE];
    size_t size = (size_t)snprintf(text, sizeof text, "%sINFO server,INFO replication", before);
    for (size_t i = 0; script_at(i, false) != NULL; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, ",SCRIPT");
    return text;
}

static void a_server_of_today_says_all(void **state) {
    (void)state;
    const struct handshake_target target = { .username = "app", .password = "secret", .database = 2, .resp = 3 };
    assert_int_equal(TALK(&target, "HELLO 3 AUTH app secret", { HELLO_3, rest("SELECT 2,") }, { "+OK", "" },
                          { "$run_id:abc", "" }, { "$master_replid:def", "" }, { SCRIPTS_LEFT, "" }),
                     HANDSHAKE_READY);
    assert_true(handshake.facts.resp3 && handshake.facts.epoch != 0);
    assert_false(handshake.facts.can_track || handshake.facts.replica);
}

static void watching_asks_for_tracking_and_loads_no_script(void **state) {
    (void)state;
    const struct handshake_target target = { .resp = 3, .track = true };
    const char *said_then = "INFO server,INFO replication,CLIENT TRACKING ON";
    assert_int_equal(TALK(&target, "HELLO 3", { HELLO_3, said_then }, { "$run_id:a", "" }, { "$role:master", "" },
                          { "+OK", "" }),
                     HANDSHAKE_READY);
    assert_true(handshake.facts.can_track);
    assert_int_equal(TALK(&target, "HELLO 3", { HELLO_3, said_then }, { "$run_id:a", "" }, { "$role:master", "" },
                          { "-ERR unknown subcommand 'TRACKING'", "" }),
                     HANDSHAKE_READY);
    assert_false(handshake.facts.can_track);
}

/* It takes HELLO 3, stays with RESP2, and takes a password without a user. */
static void a_server_that_stays_with_resp2_is_taken_at_its_word(void **state) {
    (void)state;
    const struct handshake_target target = { .username = "app", .password = "secret", .resp = 3, .track = true };
    assert_int_equal(TALK(&target, "HELLO 3 AUTH app secret", { HELLO_KVROCKS, "AUTH app secret" },
                          { ARITY, "AUTH secret" }, { "+OK", "INFO server,INFO replication" }, { "$run_id:a", "" },
                          { "$role:master", "" }),
                     HANDSHAKE_READY);
    assert_false(handshake.facts.resp3 || handshake.facts.can_track);
}

static void a_server_without_hello_gets_the_password_apart(void **state) {
    (void)state;
    const struct handshake_target target = { .password = "secret", .resp = 3 };
    assert_int_equal(TALK(&target, "HELLO 3 AUTH default secret", { UNKNOWN, "AUTH secret" }, { "+OK", rest("") },
                          { "$run_id:a", "" }, { "$role:master", "" }, { SCRIPTS_LEFT, "" }),
                     HANDSHAKE_READY);
    assert_false(handshake.facts.resp3);
}

static void what_is_refused_can_not_be_done_and_is_no_failure(void **state) {
    (void)state;
    const struct handshake_target target = { .resp = 3, .track = true }, plain = { .resp = 2 };
    assert_int_equal(TALK(&target, "HELLO 3", { HELLO_3, "INFO server,INFO replication,CLIENT TRACKING ON" },
                          { NOPERM, "" }, { NOPERM, "" }, { NOPERM, "" }),
                     HANDSHAKE_READY);
    assert_int_equal(handshake.facts.epoch, 0);
    assert_false(handshake.facts.can_track);
    assert_int_equal(TALK(&plain, rest(""), { NOPERM, "" }, { "-ERR unknown command", "" }, { SCRIPTS_LEFT, "" }),
                     HANDSHAKE_READY);
    assert_int_equal(handshake.facts.epoch, 0);
}

static void a_replica_is_known_by_either_word(void **state) {
    (void)state;
    const struct handshake_target target = { .resp = 3 };
    const char *const hello[] = { "*4 $proto :3 $role $replica", HELLO_3, HELLO_3 };
    const char *const info[] = { NOPERM, "$role:slave", "$role:active-replica" };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(TALK(&target, "HELLO 3", { hello[i], rest("") }, { NOPERM, "" }, { info[i], "" },
                              { SCRIPTS_LEFT, "" }),
                         HANDSHAKE_READY);
        assert_int_equal(handshake.facts.replica, i < 2);
    }
}

static void a_wrong_password_and_a_wrong_database_end_it(void **state) {
    (void)state;
    const struct handshake_target target = { .password = "secret", .resp = 3 }, other = { .database = 99, .resp = 2 };
    assert_int_equal(TALK(&target, "HELLO 3 AUTH default secret", { "-WRONGPASS invalid username-password pair", "" }),
                     HANDSHAKE_REFUSED);
    assert_int_equal(handshake.failure.status, RCACHE_E_AUTH);
    assert_int_equal(TALK(&target, "HELLO 3 AUTH default secret", { UNKNOWN, "AUTH secret" },
                          { "-ERR invalid password", "" }),
                     HANDSHAKE_REFUSED);
    assert_int_equal(handshake.failure.status, RCACHE_E_AUTH);
    assert_string_equal(handshake.failure.message, "ERR invalid password");
    assert_int_equal(TALK(&other, rest("SELECT 99,"), { "-ERR DB index is out of range", "" }), HANDSHAKE_REFUSED);
    assert_int_equal(handshake.failure.status, RCACHE_E_SERVER);
}

static void a_server_that_wants_a_password_is_refused_by_none(void **state) {
    (void)state;
    const struct handshake_target target = { .resp = 3 }, plain = { .resp = 2 };
    assert_int_equal(TALK(&target, "HELLO 3", { "-NOAUTH HELLO must be called with the client authenticated", "" }),
                     HANDSHAKE_REFUSED);
    assert_int_equal(handshake.failure.status, RCACHE_E_AUTH);
    assert_int_equal(TALK(&plain, rest(""), { "-NOAUTH Authentication required.", "" }), HANDSHAKE_REFUSED);
    assert_int_equal(handshake.failure.status, RCACHE_E_AUTH);
}

static void facts_are_a_word_and_back(void **state) {
    (void)state;
    const struct server_facts facts[] = { { .epoch = 0x123456789abcdef0 },
                                          { .epoch = 1, .resp3 = true, .can_track = true, .replica = true },
                                          { .resp3 = true } };
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        char text[FACTS_TEXT_MAX];
        struct server_facts read;
        size_t size = facts_write(text, &facts[i]);
        assert_int_equal(size, strlen(text));
        assert_true(facts_read(text, &read));
        assert_int_equal(read.epoch, facts[i].epoch);
        assert_true(read.resp3 == facts[i].resp3 && read.can_track == facts[i].can_track &&
                    read.replica == facts[i].replica);
    }
    const char *const wrong[] = { "", "-3", "000000000000000x", "0000000000000001-x", "0000000000000001 3",
                                  "0000000000000001-", "0000000000000001-t3" };
    struct server_facts read;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(facts_read(wrong[i], &read));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_of_today_says_all),
        cmocka_unit_test(watching_asks_for_tracking_and_loads_no_script),
        cmocka_unit_test(a_server_that_stays_with_resp2_is_taken_at_its_word),
        cmocka_unit_test(a_server_without_hello_gets_the_password_apart),
        cmocka_unit_test(what_is_refused_can_not_be_done_and_is_no_failure),
        cmocka_unit_test(a_replica_is_known_by_either_word),
        cmocka_unit_test(a_wrong_password_and_a_wrong_database_end_it),
        cmocka_unit_test(a_server_that_wants_a_password_is_refused_by_none),
        cmocka_unit_test(facts_are_a_word_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
