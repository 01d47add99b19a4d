/* command: the very bytes of every verb in every form. */
#include "talk.h"

#include "backend/redis/scripts.h"

/* The bytes back as words between blanks, commands apart by " | ". */
static const char *words_of(struct request request, const struct server_facts *facts, uint32_t *replies) {
    static char text[TALK_SIZE];
    char *at = text;
    struct buffer out = BUFFER_INIT;
    assert_true(redis_encode(&out, &request, facts, replies));
    assert_true(request.replicas == 0 || redis_encode_wait(&out, &request));
    struct reader *reader = reader_new();
    assert_non_null(reader);
    assert_true(reader_feed(reader, out.data, out.size));
    const struct resp *command;
    while (reader_next(reader, &command) == 1) {
        at += sprintf(at, "%s", at != text ? " |" : "");
        for (size_t i = 0; i < command->count; i++) {
            struct slice word = command->items[i].text;
            const struct script *script = script_of(request.verb, facts->packed);
            bool sha1 = script != NULL && slice_equal(word, slice_of_text(script->sha1));
            bool whole = script != NULL && slice_equal(word, script->text);
            at += sprintf(at, "%s", at != text ? " " : "");
            if (sha1 || whole)
                at += sprintf(at, sha1 ? "<hash>" : "<text>");
            else
                at += word.size > 0 ? sprintf(at, "%.*s", (int)word.size, word.data) : sprintf(at, "''");
        }
    }
    reader_free(reader);
    buffer_clear(&out);
    request_clear(&request);
    return text;
}

static void expect_words(struct request request, const char *expected) {
    uint32_t replies;
    assert_string_equal(words_of(request, &NO_EPOCH, &replies), expected);
    assert_int_equal(replies, 1);
}

static void expect_two(struct request request, const char *expected) {
    uint32_t replies;
    assert_string_equal(words_of(request, &NO_EPOCH, &replies), expected);
    assert_int_equal(replies, 2);
}

static void a_command_is_an_array_of_bulk_strings(void **state) {
    (void)state;
    struct buffer out = BUFFER_INIT;
    uint32_t replies;
    struct request request = ask(VERB_PEEK);
    request.key = slice_of("a\0\r\n", 4);
    assert_true(buffer_append_text(&out, "before"));
    assert_true(redis_encode(&out, &request, &FACTS, &replies));
    static const char expected[] =
        "before*5\r\n$5\r\nHMGET\r\n$4\r\na\0\r\n\r\n$5\r\nvalue\r\n$9\r\nlockUntil\r\n$4\r\nmeta\r\n";
    assert_int_equal(out.size, sizeof expected - 1);
    assert_memory_equal(out.data, expected, out.size);
    buffer_clear(&out);
}

static void reading_needs_no_script(void **state) {
    (void)state;
    expect_words(ask(VERB_PEEK), "HMGET k value lockUntil meta");
    expect_words(ask(VERB_GET), "HMGET k value meta");
    expect_words(in_form(FORM_OTHER, ask(VERB_GET)), "GET k");
    expect_words(ask(VERB_WATCH), "HMGET k value lockUntil meta");
}

static void who_asks_for_the_end_asks_for_the_time_first(void **state) {
    (void)state;
    struct request peek = ask(VERB_PEEK), put = with("abc", ask(VERB_PUT)), acquire = ask(VERB_ACQUIRE);
    uint32_t replies;
    peek.timed = true;
    put.fresh_ms = 2000;
    acquire.window_ms = 70;
    expect_two(peek, "TIME | HMGET k value lockUntil meta");
    expect_two(in_form(FORM_TIMED, ask(VERB_PEEK)), "TIME | HMGET k value lockUntil meta");
    assert_string_equal(words_of(in_form(FORM_TIMED, ask(VERB_WATCH)), &NO_EPOCH, &replies),
                        "TIME | HMGET k value lockUntil meta");
    assert_int_equal(replies, 2);
    expect_words(put, "EVALSHA <hash> 1 k me abc n=3;h=44bc2cf5ad770999 3000 2000 '' 0");
    expect_words(acquire, "EVALSHA <hash> 1 k me 3000 500 '' '' '' '' 70");
}

static void the_rest_names_one_key(void **state) {
    (void)state;
    expect_words(strongly(ask(VERB_REFRESH)), "EVALSHA <hash> 1 k me 3000 1 ''");
    expect_words(ask(VERB_RENEW), "EVALSHA <hash> 1 k me 3000");
    expect_words(ask(VERB_LOCK), "EVALSHA <hash> 1 k me 3000 ''");
    expect_words(intending(ask(VERB_LOCK)), "EVALSHA <hash> 1 k me 3000 1");
    expect_words(ask(VERB_RELEASE), "EVALSHA <hash> 1 k me 0 0 ''");
    expect_words(ask(VERB_INVALIDATE), "EVALSHA <hash> 1 k 500 '' 0");
    expect_words(ask(VERB_UNLOCK), "EVALSHA <hash> 1 k me 500 0");
    expect_words(with("v", ask(VERB_RAW_SET)), "EVALSHA <hash> 1 k v 3000");
    expect_words(ask(VERB_INSPECT), "EVALSHA <hash> 1 k");
    expect_words(ask(VERB_DELETE), "UNLINK k");
}

static void a_value_goes_with_its_meta(void **state) {
    (void)state;
    uint32_t replies;
    struct request absent = ask(VERB_PUT);
    absent.absent = true;
    expect_words(absent, "EVALSHA <hash> 1 k me '' n=0;h=ef46db3751d8e999;a 3000 '' '' 0");
    expect_words(with("abc", ask(VERB_SET)), "EVALSHA <hash> 1 k abc n=3;h=44bc2cf5ad770999 3000 '' ''");
    assert_string_equal(words_of(with("abc", ask(VERB_PUT)), &FACTS, &replies),
                        "EVALSHA <hash> 1 k me abc e=00000000000000e1;n=3;h=44bc2cf5ad770999 3000 '' '' 0");
}

static void acquire_says_who_asks_and_what_was_seen(void **state) {
    (void)state;
    uint32_t replies;
    struct request request = strongly(ask(VERB_ACQUIRE));
    request.seen = slice_of_text("1700000000.123");
    expect_words(ask(VERB_ACQUIRE), "EVALSHA <hash> 1 k me 3000 500 '' '' '' '' 0");
    assert_string_equal(words_of(request, &FACTS, &replies),
                        "EVALSHA <hash> 1 k me 3000 500 1 1700000000.123 00000000000000e1 '' 0");
    assert_string_equal(words_of(in_form(FORM_WHOLE | FORM_DOUBT, request), &FACTS, &replies),
                        "EVAL <text> 1 k me 3000 500 1 1700000000.123 - '' 0");
}

static void each_sending_of_acquire_has_a_token_of_its_own(void **state) {
    (void)state;
    struct request request = ask(VERB_ACQUIRE), put = with("v", ask(VERB_PUT));
    request.attempts = 1;
    expect_words(request, "EVALSHA <hash> 1 k me 3000 500 '' '' '' '' 0");
    request.attempts = 2;
    expect_words(request, "EVALSHA <hash> 1 k me-2 3000 500 '' '' '' me 0");
    request.attempts = 12;
    expect_words(request, "EVALSHA <hash> 1 k me-12 3000 500 '' '' '' me-11 0");
    put.grant.attempt = 2;
    put.attempts = 1; /* its own: it is sent again with the same token */
    expect_words(put, "EVALSHA <hash> 1 k me-2 v n=1;h=a293d43641f17ec1 3000 '' '' 0");
    struct request renew = ask(VERB_RENEW), release = ask(VERB_RELEASE);
    renew.grant.attempt = release.grant.attempt = 2;
    expect_words(renew, "EVALSHA <hash> 1 k me-2 3000");
    expect_words(release, "EVALSHA <hash> 1 k me-2 0 0 ''");
}

static void what_a_server_refuses_is_asked_otherwise(void **state) {
    (void)state;
    expect_words(in_form(FORM_WHOLE, ask(VERB_RELEASE)), "EVAL <text> 1 k me 0 0 ''");
    expect_words(in_form(FORM_DELETE, ask(VERB_INVALIDATE)), "DEL k");
    expect_words(in_form(FORM_WHOLE | FORM_DELETE, ask(VERB_UNLOCK)), "DEL k");
    expect_words(in_form(FORM_DELETE, ask(VERB_DELETE)), "DEL k");
}

static void confirmation_is_asked_for_behind_the_command(void **state) {
    (void)state;
    expect_two(confirmed_by(2, ask(VERB_INVALIDATE)), "EVALSHA <hash> 1 k 500 '' 0 | WAIT 2 250");
    expect_two(confirmed_by(1, in_form(FORM_DELETE, ask(VERB_UNLOCK))), "DEL k | WAIT 1 250");
}

static void every_script_is_loaded(void **state) {
    (void)state;
    struct buffer out = BUFFER_INIT;
    uint32_t count = redis_encode_scripts(&out, false);
    assert_int_equal(count, VERB_INSPECT + 1 - 4); /* four verbs are plain commands */
    assert_true(buffer_append(&out, "", 1));
    assert_non_null(script_at(count - 1, false));
    assert_null(script_at(count, false));
    for (enum verb verb = VERB_PEEK; verb <= VERB_INSPECT; verb++) {
        const struct script *script = script_of(verb, false);
        if (script == NULL)
            continue;
        assert_int_equal(strlen(script->sha1), 40);
        assert_int_equal(strlen(script->text.data), script->text.size);
        assert_non_null(strstr(out.data, script->text.data));
    }
    buffer_clear(&out);
}

static void without_memory_nothing_is_appended(void **state) {
    (void)state;
    for (enum verb verb = VERB_PEEK; verb <= VERB_INSPECT; verb++)
        for (int number = 1, needed = 1; number <= needed; number++) {
            char big[5000] = { 0 };
            struct buffer out = BUFFER_INIT;
            uint32_t replies;
            struct request request = with("v", ask(verb));
            request.key = slice_of(big, sizeof big); /* so that the buffer has to grow half way */
            assert_true(buffer_append_text(&out, "before"));
            refuse_number(number);
            bool ok = redis_encode(&out, &request, &FACTS, &replies);
            refuse_none();
            needed = asked;
            assert_int_equal(ok, needed < number);
            if (!ok)
                assert_true(slice_equal(buffer_slice(&out), slice_of_text("before")));
            buffer_clear(&out);
            request_clear(&request);
        }
    struct buffer out = BUFFER_INIT;
    refuse_number(2);
    assert_int_equal(redis_encode_scripts(&out, false), 0);
    refuse_none();
    assert_int_equal(out.size, 0);
    buffer_clear(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_an_array_of_bulk_strings),
        cmocka_unit_test(reading_needs_no_script),
        cmocka_unit_test(who_asks_for_the_end_asks_for_the_time_first),
        cmocka_unit_test(the_rest_names_one_key),
        cmocka_unit_test(a_value_goes_with_its_meta),
        cmocka_unit_test(acquire_says_who_asks_and_what_was_seen),
        cmocka_unit_test(each_sending_of_acquire_has_a_token_of_its_own),
        cmocka_unit_test(what_a_server_refuses_is_asked_otherwise),
        cmocka_unit_test(confirmation_is_asked_for_behind_the_command),
        cmocka_unit_test(every_script_is_loaded),
        cmocka_unit_test(without_memory_nothing_is_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
