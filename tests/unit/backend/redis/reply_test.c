/* reply: what becomes of every answer a server may give, of every error, and of what makes no sense. */
#include "talk.h"

#define MISSHAPEN "RCACHE_E_PROTOCOL: the server's reply has an unexpected shape"

static char line[TALK_SIZE];

static const char *said(const char *format, const char *meta) {
    snprintf(line, sizeof line, format, meta);
    return line;
}

static void peek_sees_the_state(void **state) {
    (void)state;
    struct request peek = ask(VERB_PEEK);
    expect(peek, said("*3 $v _ $%s", meta_of("v", 0xe1, false)), "FRESH 'v'");
    expect(peek, said("*3 $ _ $%s", meta_of("", 0xe1, true)), "FRESH '' absent");
    expect(peek, said("*3 $v $0 $%s", meta_of("v", 0xe1, false)), "UNFRESH 'v' lease 0");
    expect(peek, "*3 $v $1700000000.123 _", "UNFRESH 'v' lease 1700000000.123");
    expect(peek, "*3 _ $10000000000 _", "MISS lease 10000000000");
    expect(peek, "*3 _ _ _", "MISS");
    expect(ask(VERB_GET), said("*2 $ $%s", meta_of("", 1, true)), "FRESH '' absent");
    expect(ask(VERB_GET), "*2 _ _", "MISS");
}

static void a_value_of_another_history_is_not_fresh(void **state) {
    (void)state;
    struct request peek = ask(VERB_PEEK);
    expect(peek, said("*3 $v _ $%s", meta_of("v", 0xe2, false)), "UNFRESH 'v'");
    expect(peek, said("*3 $v _ $%s", meta_of("v", 0, false)), "FRESH 'v' of no epoch");
    expect(peek, said("*3 $v _ $%s", meta_of("w", 0xe2, true)), "FRESH 'v' of no epoch"); /* meta of another value */
    expect(peek, "*3 $v _ _", "FRESH 'v' of no epoch");
    expect_of(peek, said("*3 $v _ $%s", meta_of("v", 0xe2, false)), &NO_EPOCH, "FRESH 'v'");
    expect_of(peek, "*3 $v _ _", &NO_EPOCH, "FRESH 'v'");
}

static const char *with_items(const char *value, const char *items) {
    static char text[2 * META_SIZE_MAX];
    snprintf(text, sizeof text, "%s;%s", meta_of(value, 0xe1, false), items);
    return text;
}

/* The server's clock says 1700000000500 ms. */
static void expect_timed(const char *shorthand, const char *expected, bool lapsed, int64_t fresh_ms) {
    struct request peek = ask(VERB_PEEK);
    peek.timed = true;
    assert_int_equal(hear(&peek, 0, "*2 $1700000000 $500900", &FACTS), REDIS_MORE);
    assert_int_equal(hear(&peek, 1, shorthand, &FACTS), REDIS_ANSWERED);
    assert_string_equal(describe(&peek), expected);
    assert_int_equal(peek.reply.lapsed, lapsed);
    assert_int_equal(peek.reply.fresh_ms, fresh_ms);
    request_clear(&peek);
}

static void a_value_whose_time_is_over_is_not_fresh(void **state) {
    (void)state;
    const char *ends = with_items("v", "s=1700000000600");
    expect_again(ask(VERB_PEEK), said("*3 $v _ $%s", ends), FORM_TIMED);
    expect_timed(said("*3 $v _ $%s", ends), "FRESH 'v'", false, 100);
    expect_timed(said("*3 $w _ $%s", ends), "FRESH 'w' of no epoch", false, 0); /* of another value */
    expect_timed(said("*3 $v _ $%s", with_items("v", "s=1700000000500")), "UNFRESH 'v'", true, 0);
    ends = with_items("v", "s=1700000000100");
    expect_timed(said("*3 $v $1700000001.123 $%s", ends), "UNFRESH 'v' lease 1700000001.123", true, -400);
    expect_timed(said("*3 $v $0 $%s", ends), "UNFRESH 'v' lease 0", false, -400);
    ends = with_items("v", "s=1700000000100;t=1700000009000");
    expect_timed(said("*3 $v $1700000001.123 $%s", ends), "UNFRESH 'v' lease 1700000001.123", false, -400);
}

/* Its script, which has the clock, will say. */
static void without_the_time_a_value_that_ends_is_not_fresh(void **state) {
    (void)state;
    struct request peek = in_form(FORM_TIMED, ask(VERB_PEEK));
    assert_int_equal(hear(&peek, 0, "-NOPERM no", &FACTS), REDIS_MORE);
    assert_int_equal(hear(&peek, 1, said("*3 $v _ $%s", with_items("v", "s=1700000000600")), &FACTS), REDIS_ANSWERED);
    assert_string_equal(describe(&peek), "UNFRESH 'v'");
    assert_false(peek.reply.lapsed);
    request_clear(&peek);
}

static void acquire_says_whose_it_is(void **state) {
    (void)state;
    struct request acquire = ask(VERB_ACQUIRE);
    expect(acquire, said("*3 $FRESH $v $%s", meta_of("v", 0xe1, false)), "FRESH 'v'");
    expect(acquire, "*3 $FRESH $v _", "FRESH 'v' of no epoch");
    expect(acquire, said("*4 $OWNED $ $%s :70", meta_of("", 1, true)), "OWNED '' absent stale 70");
    expect(acquire, "*4 $OWNED _ _ :-1", "OWNED");
    expect(acquire, "*6 $BUSY $v _ :70 :30 $1700000000.123", "BUSY 'v' stale 70 remaining 30 lease 1700000000.123");
    expect(acquire, "*6 $BUSY _ _ :-1 :-1 $10000000000", "BUSY remaining -1 lease 10000000000");
}

static void meta_that_only_the_script_believes_is_doubted_once(void **state) {
    (void)state;
    struct request acquire = strongly(ask(VERB_ACQUIRE));
    const char *left = said("*3 $FRESH $new $%s", meta_of("old", 0xe1, false));
    expect_again(acquire, left, FORM_DOUBT);
    expect_again(in_form(FORM_WHOLE, acquire), left, FORM_WHOLE | FORM_DOUBT);
    expect(in_form(FORM_DOUBT, acquire), left, "FRESH 'new' of no epoch");
    expect(acquire, said("*3 $FRESH $v $%s", meta_of("v", 0xe1, false)), "FRESH 'v'");
}

static void the_rest_answers_in_a_word(void **state) {
    (void)state;
    expect(ask(VERB_REFRESH), "*1 $OWNED", "OWNED");
    expect(ask(VERB_REFRESH), "*3 $BUSY :70 $", "BUSY remaining 70");
    expect(ask(VERB_REFRESH), "*1 $LOST", "LOST");
    expect(ask(VERB_PUT), "*1 $STORED", "STORED");
    expect(ask(VERB_PUT), "*1 $LOST", "LOST");
    expect(ask(VERB_RENEW), "*1 $OWNED", "OWNED");
    expect(ask(VERB_RENEW), "*1 $LOST", "LOST");
    expect(ask(VERB_RELEASE), "*1 $DONE", "DONE");
    expect(ask(VERB_RELEASE), "*1 $LOST", "LOST");
    expect(ask(VERB_INVALIDATE), "*1 $DONE", "DONE");
    expect(ask(VERB_INVALIDATE), "*1 $MISS", "MISS");
    expect(ask(VERB_LOCK), "*2 $OWNED :70", "OWNED");
    expect(ask(VERB_LOCK), "*3 $BUSY :70 $10000000000", "BUSY remaining 70 lease 10000000000");
    expect(ask(VERB_UNLOCK), "*1 $DONE", "DONE");
    expect(ask(VERB_UNLOCK), "*1 $LOST", "LOST");
    expect(ask(VERB_SET), "*1 $DONE", "DONE");
    expect(ask(VERB_RAW_SET), "*1 $DONE", "DONE");
    expect(ask(VERB_DELETE), ":1", "DONE");
    expect(ask(VERB_DELETE), ":0", "MISS");
    expect(ask(VERB_INSPECT), "*1 $MISS", "MISS");
}

static void inspection_is_for_people(void **state) {
    (void)state;
    expect(ask(VERB_INSPECT),
           "*10 $ENTRY $leased $v :9000 :2500 $a\x1b"
           "b\\ $1700000000.123 $t=5 $hash _",
           "FRESH 'state leased\nsize 1\nttl_ms 9000\nlease_ms 2500\nowner a\\x1bb\\x5c\nlock_until "
           "1700000000.123\nmeta t=5\nlayout hash\n'");
    expect(ask(VERB_INSPECT), said("*10 $ENTRY $fresh $ :-1 :-1 _ _ $%s $hash :70", meta_of("", 0, true)),
           "FRESH 'state fresh\nsize 0\nabsent yes\nttl_ms -1\nfresh_ms 70\nmeta n=0;h=ef46db3751d8e999;a\n"
           "layout hash\n'");
}

static void what_the_server_lacks_is_asked_otherwise(void **state) {
    (void)state;
    expect_again(ask(VERB_PUT), "-NOSCRIPT No matching script. Please use EVAL.", FORM_WHOLE);
    expect_again(ask(VERB_GET), "-WRONGTYPE Operation against a key", FORM_OTHER);
    expect(in_form(FORM_OTHER, ask(VERB_GET)), "$text", "FRESH 'text'");
    expect(in_form(FORM_OTHER, ask(VERB_GET)), "_", "MISS");
    expect_again(ask(VERB_INVALIDATE), "-OOM command not allowed", FORM_DELETE);
    expect_again(in_form(FORM_WHOLE, ask(VERB_UNLOCK)), "-ERR Error running script: -OOM command not allowed",
                 FORM_WHOLE | FORM_DELETE);
    expect(in_form(FORM_DELETE, ask(VERB_INVALIDATE)), ":1", "DONE");
    expect(in_form(FORM_DELETE, ask(VERB_INVALIDATE)), ":0", "MISS");
    expect(in_form(FORM_DELETE, ask(VERB_UNLOCK)), ":0", "DONE");
    expect_again(ask(VERB_DELETE), "-ERR unknown command 'UNLINK'", FORM_DELETE);
}

static void nothing_is_asked_otherwise_twice(void **state) {
    (void)state;
    expect(in_form(FORM_WHOLE, ask(VERB_PUT)), "-NOSCRIPT No", "RCACHE_E_SERVER: NOSCRIPT No");
    expect(in_form(FORM_DELETE, ask(VERB_INVALIDATE)), "-OOM no", "RCACHE_E_SERVER: OOM no");
    expect(in_form(FORM_DELETE, ask(VERB_DELETE)), "-ERR unknown command", "RCACHE_E_SERVER: ERR unknown command");
    expect(in_form(FORM_OTHER, ask(VERB_GET)), "-WRONGTYPE Operation",
           "RCACHE_E_TYPE: the key holds a value that is no cache entry: delete it, or use another prefix");
}

static void errors_are_told_apart(void **state) {
    (void)state;
    static const struct {
        const char *error, *expected;
    } known[] = {
        { "-NOAUTH Authentication required.", "RCACHE_E_AUTH: NOAUTH Authentication required." },
        { "-WRONGPASS invalid", "RCACHE_E_AUTH: WRONGPASS invalid" },
        { "-NOPERM this user", "RCACHE_E_AUTH: NOPERM this user" },
        { "-OOM command not allowed", "RCACHE_E_SERVER: OOM command not allowed" },
        { "-LOADING Redis is loading", "RCACHE_E_UNAVAILABLE: LOADING Redis is loading" },
        { "-MASTERDOWN Link", "RCACHE_E_UNAVAILABLE: MASTERDOWN Link" },
        { "-CLUSTERDOWN The cluster", "RCACHE_E_UNAVAILABLE: CLUSTERDOWN The cluster" },
        { "-READONLY You can't", "RCACHE_E_UNAVAILABLE: READONLY You can't" },
        { "-ERR Error running script: -READONLY You", "RCACHE_E_UNAVAILABLE: ERR Error running script: -READONLY You" },
        { "-TRYAGAIN Multiple", "RCACHE_E_UNAVAILABLE: TRYAGAIN Multiple" },
        { "-BUSY Redis is busy", "RCACHE_E_UNAVAILABLE: BUSY Redis is busy" },
        { "-ERR something else", "RCACHE_E_SERVER: ERR something else" },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        expect(ask(VERB_SET), known[i].error, known[i].expected);
        expect(ask(VERB_PEEK), known[i].error, known[i].expected);
    }
}

static void of_what_is_no_entry_only_the_scripts_can_tell(void **state) {
    (void)state;
    static const char *const errors[] = { "-WRONGTYPE Operation",
                                          "-ERR Error running script (call to f_0): -WRONGTYPE Operation" };
    for (size_t i = 0; i < 2; i++) {
        expect(ask(VERB_SET), errors[i],
               "RCACHE_E_TYPE: the key holds a value that is no cache entry: delete it, or use another prefix");
        expect(ask(VERB_PEEK), errors[i], "MISS");
    }
}

static void an_entry_may_be_one_string(void **state) {
    (void)state;
    const struct server_facts facts = { .epoch = FACTS.epoch, .packed = true };
    expect_of(ask(VERB_PEEK), "_", &facts, "MISS");
    expect_of(ask(VERB_PEEK), "$text", &facts,
              "RCACHE_E_TYPE: the key holds a value that is no cache entry: delete it, or use another prefix");
    expect_of(ask(VERB_GET), "$text", &facts, "FRESH 'text'");
    expect_of(ask(VERB_PEEK), "*3 $v _ _", &facts, "RCACHE_E_PROTOCOL: the server's reply has an unexpected shape");
    expect_of(in_form(FORM_OTHER, ask(VERB_GET)), "*2 $v _", &facts, "FRESH 'v'");
}


static void expect_two(struct request request, const char *first, const char *second, enum redis_answer answer,
                       const char *expected) {
    assert_int_equal(hear(&request, 0, first, &FACTS), REDIS_MORE);
    assert_int_equal(hear(&request, 1, second, &FACTS), answer);
    if (answer == REDIS_ANSWERED)
        assert_string_equal(describe(&request), expected);
    request_clear(&request);
}

static void confirmations_are_counted(void **state) {
    (void)state;
    struct request request = confirmed_by(2, ask(VERB_INVALIDATE));
    expect_two(request, "*1 $DONE", ":2", REDIS_ANSWERED, "DONE");
    expect_two(request, "*1 $DONE", ":3", REDIS_ANSWERED, "DONE");
    expect_two(request, "*1 $DONE", ":1", REDIS_ANSWERED,
               "RCACHE_E_TIMEOUT: applied, but only 1 of 2 replicas confirmed it within 250 ms");
    expect_two(request, "*1 $DONE", "-ERR unknown command 'WAIT'", REDIS_ANSWERED, "DONE");
    expect_two(request, "-ERR no", ":0", REDIS_ANSWERED, "RCACHE_E_SERVER: ERR no");
    expect_two(request, "-NOSCRIPT No", ":0", REDIS_AGAIN, "");
    expect_two(confirmed_by(2, ask(VERB_UNLOCK)), "*1 $LOST", ":2", REDIS_ANSWERED, "LOST");
}

static void an_attempt_that_was_cut_short_leaves_nothing(void **state) {
    (void)state;
    struct request request = confirmed_by(1, ask(VERB_INVALIDATE));
    assert_int_equal(hear(&request, 0, "-LOADING", &FACTS), REDIS_MORE);
    assert_int_equal(hear(&request, 0, "*1 $DONE", &FACTS), REDIS_MORE);
    assert_int_equal(hear(&request, 1, ":1", &FACTS), REDIS_ANSWERED);
    assert_string_equal(describe(&request), "DONE");
    request_clear(&request);
}

/* ---- what makes no sense */

/* Of each kind, as an item and as a whole. */
static const char *const ODD[] = { "_",      ":7", "$",     "$FRESH",  "$OWNED", "$BUSY",
                                   "$ENTRY", "*0", "*1 *0", "*2 _ :1", ">1 $v",  "*1 :1" };
enum { ODD_COUNT = sizeof ODD / sizeof ODD[0] };

static void hear_odd(enum verb verb, uint32_t form, const char *shorthand) {
    for (uint32_t strong = 0; strong < 2; strong++) {
        struct request request = in_form(form, ask(verb));
        request.strong = strong != 0;
        hear(&request, 0, shorthand, &FACTS);
        if (request.reply.status == RCACHE_OK)
            assert_int_not_equal(request.reply.verdict, VERDICT_NONE);
        else if (request.reply.status != RCACHE_OK)
            assert_int_equal(request.reply.status, RCACHE_E_PROTOCOL);
        request_clear(&request);
    }
}

static void no_shape_is_trusted(void **state) {
    (void)state;
    static const char *const words[] = { "FRESH", "OWNED", "BUSY", "MISS", "STORED", "LOST", "DONE", "ENTRY", "" };
    static const uint32_t forms[] = { FORM_PLAIN, FORM_WHOLE, FORM_OTHER, FORM_DELETE, FORM_DOUBT };
    for (enum verb verb = VERB_PEEK; verb <= VERB_INSPECT; verb++)
        for (size_t form = 0; form < 5; form++) {
            for (size_t i = 0; i < ODD_COUNT; i++)
                hear_odd(verb, forms[form], ODD[i]);
            for (size_t word = 0; word < sizeof words / sizeof words[0]; word++)
                for (size_t count = 1; count < 9; count++)
                    for (size_t i = 0; i < ODD_COUNT; i++) {
                        int size = snprintf(line, sizeof line, "*%zu $%s", count, words[word]);
                        for (size_t item = 1; item < count; item++)
                            size += snprintf(line + size, sizeof line - (size_t)size, " %s",
                                             ODD[(i + item * item) % ODD_COUNT]);
                        hear_odd(verb, forms[form], line);
                    }
        }
}

static void an_unexpected_shape_is_told(void **state) {
    (void)state;
    expect(ask(VERB_PEEK), "*2 $v _", MISSHAPEN);
    expect(ask(VERB_PEEK), "*3 :1 _ _", MISSHAPEN);
    expect(ask(VERB_PEEK), "+OK", MISSHAPEN);
    expect(ask(VERB_GET), "$v", MISSHAPEN);
    expect(ask(VERB_PUT), "*1 $BUSY", MISSHAPEN);
    expect(ask(VERB_PUT), "*0", MISSHAPEN);
    expect(ask(VERB_ACQUIRE), "*2 $OWNED $v", MISSHAPEN);
    expect(ask(VERB_ACQUIRE), "*3 $FRESH _ _", MISSHAPEN);
    expect(ask(VERB_ACQUIRE), "*1 $MISS", MISSHAPEN);
    expect(ask(VERB_LOCK), "*1 $OWNED", MISSHAPEN);
    expect(ask(VERB_DELETE), "$1", MISSHAPEN);
    expect(ask(VERB_INSPECT), "*7 $ENTRY $fresh $v :1 :1 _ _", MISSHAPEN);
}

static void a_lease_too_long_is_cut(void **state) {
    (void)state;
    expect(ask(VERB_PEEK), "*3 _ $1234567890123456789012345678901234567890 _",
           "MISS lease 1234567890123456789012345678901");
}

/* ---- memory */

static void without_memory_nothing_leaks(void **state) {
    (void)state;
    static const struct {
        enum verb verb;
        const char *shorthand;
    } known[] = {
        { VERB_PEEK, "*3 $v _ _" },
        { VERB_GET, "*2 $v _" },
        { VERB_ACQUIRE, "*6 $BUSY $v _ :70 :30 $1700000000.123" },
        { VERB_INSPECT, "*10 $ENTRY $leased $v :9000 :2500 $a $1700000000.123 $t=5 $hash _" },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        for (int number = 1, needed = 1; number <= needed; number++) {
            const struct resp *resp;
            struct reader *reader = reader_of(known[i].shorthand);
            struct request request = ask(known[i].verb);
            assert_int_equal(reader_next(reader, &resp), 1);
            refuse_number(number);
            assert_int_equal(redis_decode(&request, 0, resp, &FACTS), REDIS_ANSWERED);
            refuse_none();
            needed = asked;
            assert_int_equal(request.reply.status, needed < number ? RCACHE_OK : RCACHE_E_NOMEM);
            request_clear(&request);
            reader_free(reader);
        }
}

/* The words may be lost for want of memory; the status is not. */
static void an_error_is_told_without_memory(void **state) {
    (void)state;
    const struct resp *resp;
    struct reader *reader = reader_of("-LOADING Redis is loading");
    struct request request = ask(VERB_SET);
    assert_int_equal(reader_next(reader, &resp), 1);
    refuse_number(1);
    assert_int_equal(redis_decode(&request, 0, resp, &FACTS), REDIS_ANSWERED);
    refuse_none();
    assert_int_equal(request.reply.status, RCACHE_E_UNAVAILABLE);
    assert_null(request.reply.message);
    request_clear(&request);
    reader_free(reader);
}

/* One copy from the parser's buffer, however many it goes to. */
static void a_large_value_is_shared(void **state) {
    (void)state;
    char value[1001] = { 0 }, shorthand[1100];
    memset(value, 'v', sizeof value - 1);
    snprintf(shorthand, sizeof shorthand, "*3 $%s _ _", value);
    const struct resp *resp;
    struct reader *reader = reader_of(shorthand);
    struct request request = ask(VERB_PEEK);
    assert_int_equal(reader_next(reader, &resp), 1);
    refuse_number(1);
    redis_decode(&request, 0, resp, &FACTS);
    refuse_none();
    assert_ptr_equal(request.reply.value, resp->items[0].blob);
    reader_free(reader);
    assert_string_equal(request.reply.value->data, value); /* outlives the reader */
    request_clear(&request);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peek_sees_the_state),
        cmocka_unit_test(a_value_of_another_history_is_not_fresh),
        cmocka_unit_test(a_value_whose_time_is_over_is_not_fresh),
        cmocka_unit_test(without_the_time_a_value_that_ends_is_not_fresh),
        cmocka_unit_test(acquire_says_whose_it_is),
        cmocka_unit_test(meta_that_only_the_script_believes_is_doubted_once),
        cmocka_unit_test(the_rest_answers_in_a_word),
        cmocka_unit_test(inspection_is_for_people),
        cmocka_unit_test(what_the_server_lacks_is_asked_otherwise),
        cmocka_unit_test(nothing_is_asked_otherwise_twice),
        cmocka_unit_test(errors_are_told_apart),
        cmocka_unit_test(of_what_is_no_entry_only_the_scripts_can_tell),
        cmocka_unit_test(an_entry_may_be_one_string),
        cmocka_unit_test(confirmations_are_counted),
        cmocka_unit_test(an_attempt_that_was_cut_short_leaves_nothing),
        cmocka_unit_test(no_shape_is_trusted),
        cmocka_unit_test(an_unexpected_shape_is_told),
        cmocka_unit_test(a_lease_too_long_is_cut),
        cmocka_unit_test(without_memory_nothing_leaks),
        cmocka_unit_test(an_error_is_told_without_memory),
        cmocka_unit_test(a_large_value_is_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
