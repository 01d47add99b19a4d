/* ask: verbs put to the memory backend in one line each, and their replies as a line of text:
 *   FRESH 'v' · OWNED 'v' stale 4000 · BUSY 'v' absent stale 10 remaining 20 lease 3000 · MISS · RCACHE_E_NOMEM */
#ifndef RESILICACHE_TESTS_MEMORY_ASK_H
#define RESILICACHE_TESTS_MEMORY_ASK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "backend/memory/memory.h"
#include "resilicache.h"

enum { TEXT_SIZE = 2048 };

/* ---- requests: for the key "k", unless `on` says another */

static inline struct request ask(enum verb verb) {
    return (struct request){ .verb = verb, .key = slice_of_text("k"), .bound_ms = 5000 };
}

static inline struct request on(const char *key, struct request request) {
    request.key = slice_of_text(key);
    return request;
}

static inline struct request by(const char *owner, struct request request) {
    request.owner = slice_of_text(owner);
    return request;
}

static inline struct request lasting(int64_t life_ms, struct request request) {
    request.life_ms = life_ms;
    return request;
}

static inline struct request within(int64_t bound_ms, struct request request) {
    request.bound_ms = bound_ms;
    return request;
}

static inline struct request strongly(struct request request) {
    request.strong = true;
    return request;
}

static inline struct request having_seen(const char *lease, struct request request) {
    request.seen = slice_of_text(lease);
    return request;
}

static inline struct request with(const char *value, struct request request) {
    request.value = blob_copy(value, strlen(value));
    assert_non_null(request.value);
    return request;
}

static inline struct request absent(struct request request) {
    request.absent = true;
    return request;
}

/* ---- replies */

static inline const char *verdict_name(enum verdict verdict) {
    static const char *const names[] = {
        "NONE", "FRESH", "UNFRESH", "MISS", "OWNED", "BUSY", "STORED", "LOST", "OUTDATED", "DONE",
    };
    return names[verdict];
}

static inline const char *status_text(int32_t status) {
    return status == RCACHE_E_NOMEM ? "RCACHE_E_NOMEM" : status == RCACHE_E_LIMIT ? "RCACHE_E_LIMIT" : "another status";
}

static inline void describe(char *text, const struct reply *reply) {
    if (reply->status != RCACHE_OK) {
        assert_int_equal(reply->verdict, VERDICT_NONE);
        assert_null(reply->value);
        snprintf(text, TEXT_SIZE, "%s", status_text(reply->status));
        return;
    }
    bool served = reply->value != NULL && (reply->verdict == VERDICT_OWNED || reply->verdict == VERDICT_BUSY);
    int length = snprintf(text, TEXT_SIZE, "%s", verdict_name(reply->verdict));
    if (reply->value != NULL)
        length += snprintf(text + length, (size_t)(TEXT_SIZE - length), " '%s'", reply->value->data);
    if (reply->absent)
        length += snprintf(text + length, (size_t)(TEXT_SIZE - length), " absent");
    if (served)
        length += snprintf(text + length, (size_t)(TEXT_SIZE - length), " stale %lld", (long long)reply->stale_ms);
    if (reply->verdict == VERDICT_BUSY)
        length += snprintf(text + length, (size_t)(TEXT_SIZE - length), " remaining %lld",
                           (long long)reply->remaining_ms);
    if (reply->lease[0] != '\0')
        snprintf(text + length, (size_t)(TEXT_SIZE - length), " lease %s", reply->lease);
}

static inline void run(struct memory *memory, int64_t now_ms, struct request request, char *text) {
    char unused[TEXT_SIZE];
    memory_execute(memory, &request, now_ms);
    assert_false(request.reply.epoch_unknown);
    describe(text != NULL ? text : unused, &request.reply);
    request_clear(&request);
}

#define expect(memory, now_ms, request, expected)       \
    do {                                                \
        char reply_text[TEXT_SIZE];                     \
        run((memory), (now_ms), (request), reply_text); \
        assert_string_equal(reply_text, (expected));    \
    } while (0)

/* The inspection of the key in one line, without the word "state": "fresh size 1 ttl_ms 9000"; "": no entry. */
static inline void inspect(struct memory *memory, int64_t now_ms, char *text) {
    struct request request = ask(VERB_INSPECT);
    memory_execute(memory, &request, now_ms);
    assert_int_equal(request.reply.status, RCACHE_OK);
    snprintf(text, TEXT_SIZE, "%s", request.reply.value != NULL ? request.reply.value->data + strlen("state ") : "");
    request_clear(&request);
    for (char *at = text; *at != '\0'; at++)
        if (*at == '\n')
            *at = at[1] != '\0' ? ' ' : '\0';
}

#define expect_entry(memory, now_ms, expected)       \
    do {                                             \
        char entry_text[TEXT_SIZE];                  \
        inspect((memory), (now_ms), entry_text);     \
        assert_string_equal(entry_text, (expected)); \
    } while (0)

/* ---- one memory in each state, made at the time 1000 */

enum state {
    MISSING,
    FRESH,
    INVALIDATED, /* with a value, as are those below but for ..._BARE */
    LEASED,      /* by A, until 4000 */
    LEASED_BARE,
    ENDED, /* a lease by A that ended at 1500 */
    LOCKED, /* by W */
    LOCKED_BARE,
    BACKED_OFF, /* until 4000 */
    BACKED_OFF_BARE,
    STATES
};

static inline struct memory *memory_in(enum state state) {
    struct memory *memory = memory_new(0, 1);
    assert_non_null(memory);
    if (state != MISSING && state != LEASED_BARE && state != LOCKED_BARE && state != BACKED_OFF_BARE)
        expect(memory, 1000, with("v", lasting(10000, ask(VERB_SET))), "DONE");
    if (state == INVALIDATED || state == LEASED || state == ENDED || state == BACKED_OFF)
        expect(memory, 1000, ask(VERB_INVALIDATE), "DONE");
    if (state == LEASED || state == LEASED_BARE)
        run(memory, 1000, by("A", lasting(3000, ask(VERB_ACQUIRE))), NULL);
    if (state == ENDED)
        run(memory, 1000, by("A", lasting(500, ask(VERB_ACQUIRE))), NULL);
    if (state == LOCKED || state == LOCKED_BARE)
        run(memory, 1000, by("W", lasting(4000, ask(VERB_LOCK))), NULL);
    if (state == BACKED_OFF || state == BACKED_OFF_BARE)
        run(memory, 1000, lasting(3000, ask(VERB_ACQUIRE)), NULL);
    return memory;
}

#endif
