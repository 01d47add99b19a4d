/* talk: requests in one line each, the server's replies in a shorthand, and what becomes of them as a line of text.
 *
 * The shorthand: items separated by blanks: *N array, $text bulk string, $ an empty one, _ null, :N integer, >N push;
 * or one line that starts with + or -, a status or an error, as it is. */
#ifndef RESILICACHE_TESTS_REDIS_TALK_H
#define RESILICACHE_TESTS_REDIS_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "backend/redis/meta.h"
#include "backend/redis/net/reader.h"
#include "backend/redis/redis.h"
#include "base/alloc.h"
#include "resilicache.h"

enum { TALK_SIZE = 4096 };

static const struct server_facts FACTS = { .epoch = 0x00000000000000e1u }, NO_EPOCH = { 0 };

/* ---- allocations refused: number `refused_at` from now, counted from 1; 0: none */

static int asked, refused_at;

static int refuse(void) {
    return ++asked == refused_at;
}

static inline void refuse_number(int number) {
    asked = 0;
    refused_at = number;
    mem_refuse_when(refuse);
}

static inline void refuse_none(void) {
    mem_refuse_when(NULL);
}

/* ---- requests */

static inline struct request ask(enum verb verb) {
    return (struct request){
        .verb = verb, .key = slice_of_text("k"), .owner = slice_of_text("me"), .life_ms = 3000, .bound_ms = 500
    };
}

static inline struct request in_form(uint32_t form, struct request request) {
    request.form = form;
    return request;
}

static inline struct request strongly(struct request request) {
    request.strong = true;
    return request;
}

static inline struct request intending(struct request request) {
    request.intent = true;
    return request;
}

static inline struct request confirmed_by(uint32_t replicas, struct request request) {
    request.replicas = replicas;
    request.replicas_ms = 250;
    return request;
}

static inline struct request with(const char *value, struct request request) {
    request.value = blob_copy(value, strlen(value));
    assert_non_null(request.value);
    return request;
}

/* ---- replies */

static inline size_t spell_item(char *out, const char *item, size_t size) {
    if (item[0] == '$')
        return (size_t)sprintf(out, "$%zu\r\n%.*s\r\n", size - 1, (int)size - 1, item + 1);
    return item[0] == '_' ? (size_t)sprintf(out, "$-1\r\n") : (size_t)sprintf(out, "%.*s\r\n", (int)size, item);
}

static inline size_t spell(char *out, const char *shorthand) {
    char *at = out;
    if (shorthand[0] == '+' || shorthand[0] == '-')
        return (size_t)sprintf(out, "%.1000s\r\n", shorthand);
    for (const char *item = shorthand; *item != '\0';) {
        size_t size = strcspn(item, " ");
        at += spell_item(at, item, size);
        item += size + (item[size] == ' ');
    }
    return (size_t)(at - out);
}

/* The meta of the value, as items of a shorthand. */
static inline const char *meta_of(const char *value, uint64_t epoch, bool absent) {
    static char text[META_SIZE_MAX + 1];
    struct meta meta = { .epoch = epoch, .absent = absent };
    struct slice bytes = slice_of_text(value);
    text[meta_write(text, &meta, &bytes)] = '\0';
    return text;
}

static inline struct reader *reader_of(const char *shorthand) {
    char bytes[TALK_SIZE];
    struct reader *reader = reader_new();
    assert_non_null(reader);
    assert_true(reader_feed(reader, bytes, spell(bytes, shorthand)));
    return reader;
}

static inline const char *describe(const struct request *request) {
    static const char *const verdicts[] = { "NONE", "FRESH",  "UNFRESH", "MISS", "OWNED",
                                            "BUSY", "STORED", "LOST", "OUTDATED",    "DONE" };
    static char text[TALK_SIZE];
    const struct reply *reply = &request->reply;
    if (reply->status != RCACHE_OK) {
        snprintf(text, sizeof text, "%s: %s", rcache_status_name(reply->status),
                 reply->message != NULL ? reply->message->data : "");
        return text;
    }
    bool timed = reply->verdict == VERDICT_OWNED || reply->verdict == VERDICT_BUSY;
    int size = snprintf(text, sizeof text, "%s", verdicts[reply->verdict]);
    if (reply->value != NULL)
        size += snprintf(text + size, sizeof text - (size_t)size, " '%s'", reply->value->data);
    if (reply->absent)
        size += snprintf(text + size, sizeof text - (size_t)size, " absent");
    if (reply->epoch_unknown && reply->verdict == VERDICT_FRESH)
        size += snprintf(text + size, sizeof text - (size_t)size, " of no epoch");
    if (timed && reply->value != NULL)
        size += snprintf(text + size, sizeof text - (size_t)size, " stale %d", (int)reply->stale_ms);
    if (reply->verdict == VERDICT_BUSY)
        size += snprintf(text + size, sizeof text - (size_t)size, " remaining %d", (int)reply->remaining_ms);
    if (reply->lease[0] != '\0')
        snprintf(text + size, sizeof text - (size_t)size, " lease %s", reply->lease);
    return text;
}

/* Decodes one reply; the request's reply is what the codec made of it. */
static inline enum redis_answer hear(struct request *request, uint32_t index, const char *shorthand,
                                     const struct server_facts *facts) {
    const struct resp *resp;
    struct reader *reader = reader_of(shorthand);
    assert_int_equal(reader_next(reader, &resp), 1);
    enum redis_answer answer = redis_decode(request, index, resp, facts);
    reader_free(reader);
    return answer;
}

/* The whole answer to the request, which it clears. */
static inline void expect_of(struct request request, const char *shorthand, const struct server_facts *facts,
                             const char *expected) {
    assert_int_equal(hear(&request, 0, shorthand, facts), REDIS_ANSWERED);
    assert_string_equal(describe(&request), expected);
    request_clear(&request);
}

static inline void expect(struct request request, const char *shorthand, const char *expected) {
    expect_of(request, shorthand, &FACTS, expected);
}

/* Asked again, in the form. */
static inline void expect_again(struct request request, const char *shorthand, uint32_t form) {
    assert_int_equal(hear(&request, 0, shorthand, &FACTS), REDIS_AGAIN);
    assert_int_equal(request.form, form);
    request_clear(&request);
}

#endif
