/* A key that ends while a script runs, as on some servers it may: here it is deleted before the script's n-th command,
 * for every n, every script, both layouts and whatever the key held. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "backend/redis/scripts.h"
#include "differential/asking.h"
#include "resilicache.h"
#include "support/stores.h"

#include <stdlib.h>
#include <time.h>

enum { WORDS_MAX = 16, EPOCH = 0xe1 };

static struct request ask(enum verb verb) {
    struct request request = {
        .verb = verb, .key = slice_of_text("k"), .owner = slice_of_text("me"), .life_ms = 60000, .bound_ms = 50000,
        .window_ms = 60000
    };
    if (verb == VERB_PUT || verb == VERB_SET || verb == VERB_RAW_SET)
        request.value = blob_copy("value", 5);
    return request;
}

static struct request by(const char *owner, struct request request) {
    request.owner = slice_of_text(owner);
    return request;
}

static struct request fresh_for(int64_t ms, struct request request) {
    request.fresh_ms = ms;
    return request;
}

static struct request pausing(struct request request) {
    request.pause_ms = 30000;
    request.pause_max_ms = 60000;
    return request;
}

static struct request dropping(struct request request) {
    request.drops = true;
    return request;
}

static struct request intending(struct request request) {
    request.intent = true;
    return request;
}

static struct request of_version(int64_t version, struct request request) {
    request.version = version;
    return request;
}

static struct request bounded(int64_t ms, struct request request) {
    request.bound_ms = ms;
    return request;
}

static void make(struct request request) {
    asking_answer(request);
}

/* ---- what the key may hold */

static void nothing(void) {}

static void fresh(void) {
    make(ask(VERB_SET));
}

static void invalidated(void) {
    make(ask(VERB_SET));
    make(ask(VERB_INVALIDATE));
}

static void leased(void) {
    make(ask(VERB_ACQUIRE));
}

static void leased_beside_a_stale_value(void) {
    invalidated();
    make(ask(VERB_ACQUIRE));
}

static void let_time_pass(void) {
    nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
}

static void leased_beside_a_lapsed_value(void) {
    make(fresh_for(1, ask(VERB_SET)));
    let_time_pass();
    make(ask(VERB_ACQUIRE));
}

static void refreshed(void) {
    make(ask(VERB_SET));
    make(ask(VERB_REFRESH));
}

static void locked(void) {
    make(ask(VERB_SET));
    make(ask(VERB_LOCK));
}

static void locked_by_another(void) {
    make(ask(VERB_SET));
    make(by("another", ask(VERB_LOCK)));
}

static void locked_beside_a_value_past_its_mark(void) {
    locked();
    make(bounded(1, ask(VERB_INVALIDATE)));
    let_time_pass();
}

static void fresh_of_a_version(void) {
    make(of_version(7, ask(VERB_SET)));
}

static void a_version_in_mind(void) {
    make(of_version(7, ask(VERB_INVALIDATE)));
}

static void paused(void) {
    leased_beside_a_stale_value();
    make(pausing(ask(VERB_RELEASE)));
}

/* ---- running a script that loses its key */

/* The script tells how many commands it had. */
static const char PRELUDE[] =
    "local count = 0\n"
    "local redis = (function(real)\n"
    "    local function losing(call)\n"
    "        return function(...)\n"
    "            count = count + 1\n"
    "            if count == %zu then real.call('DEL', KEYS[1]) end\n"
    "            return call(...)\n"
    "        end\n"
    "    end\n"
    "    return setmetatable({ call = losing(real.call), pcall = losing(real.pcall) }, { __index = real })\n"
    "end)(redis)\n"
    "local function run()\n";
static const char EPILOGUE[] = "\nend\nrun()\nreturn count\n";

/* The words of one command as redis_encode wrote it, taken apart in place; what lies behind each becomes a NUL. */
static void words_in(char *command, char *words[WORDS_MAX]) {
    char *at = strchr(command, '\n') + 1;
    size_t count = strtoul(command + 1, NULL, 10);
    assert_in_range(count, 1, WORDS_MAX - 1);
    for (size_t i = 0; i < count; i++) {
        size_t size = strtoul(at + 1, NULL, 10);
        words[i] = strchr(at, '\n') + 1;
        at = words[i] + size + 2;
        words[i][size] = '\0';
    }
    words[count] = NULL;
}

/* False: it has not so many commands. */
static bool run_losing_the_key(struct request request, size_t step) {
    static char text[64 * 1024];
    struct buffer out = BUFFER_INIT;
    uint32_t replies;
    char *words[WORDS_MAX];
    request.form = FORM_WHOLE;
    assert_true(redis_encode(&out, &request, &asking_wire.facts, &replies) && buffer_append(&out, "", 1));
    words_in(out.data, words);
    int size = snprintf(text, sizeof text, PRELUDE, step);
    snprintf(text + size, sizeof text - (size_t)size, "%s%s", words[1], EPILOGUE);
    words[1] = text;
    const struct resp *resp = wire_command(&asking_wire, (const char *const *)words);
    assert_non_null(resp);
    if (resp->type == RESP_ERROR)
        fail_msg("%.*s", (int)resp->text.size, resp->text.data);
    assert_int_equal(resp->type, RESP_INTEGER);
    bool reached = resp->integer >= (int64_t)step;
    buffer_clear(&out);
    request_clear(&request);
    return reached;
}

struct held {
    const char *what;
    void (*make)(void);
};

static void try_each_step(const struct held *held, bool written_packed, bool packed, struct request request) {
    bool reached = true;
    for (size_t step = 1; reached; step++) {
        struct request once = request;
        once.value = blob_share(request.value);
        test_store_command("DEL k");
        asking_wire.facts.packed = written_packed;
        held->make();
        asking_wire.facts.packed = packed;
        reached = run_losing_the_key(once, step);
        if (reached && strtoll(test_store_command("PTTL k"), NULL, 10) == -1)
            fail_msg("%s of a key that was %s in %s, by %s, and ended before command %zu: it has no end now",
                     script_of(request.verb, packed)->name, held->what, written_packed ? "packed" : "hash",
                     packed ? "packed" : "hash", step);
    }
    request_clear(&request);
}

static void no_script_leaves_a_key_without_an_end(void **state) {
    (void)state;
    static const struct held all[] = {
        { "nothing", nothing },
        { "fresh", fresh },
        { "invalidated", invalidated },
        { "leased", leased },
        { "leased beside a stale value", leased_beside_a_stale_value },
        { "leased beside a lapsed value", leased_beside_a_lapsed_value },
        { "refreshed", refreshed },
        { "locked", locked },
        { "locked by another", locked_by_another },
        { "locked beside a value past its mark", locked_beside_a_value_past_its_mark },
        { "paused", paused },
        { "fresh, of a version", fresh_of_a_version },
        { "nothing but a version", a_version_in_mind },
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        for (unsigned layouts = 0; layouts < 4; layouts++) {
            const struct request requests[] = {
                ask(VERB_ACQUIRE), ask(VERB_REFRESH), ask(VERB_PUT), ask(VERB_RENEW), ask(VERB_RELEASE),
                pausing(ask(VERB_RELEASE)), dropping(ask(VERB_RELEASE)), dropping(pausing(ask(VERB_RELEASE))),
                ask(VERB_INVALIDATE), ask(VERB_LOCK), ask(VERB_UNLOCK), ask(VERB_SET), ask(VERB_RAW_SET),
                of_version(9, ask(VERB_INVALIDATE)), of_version(9, ask(VERB_SET)), of_version(9, ask(VERB_PUT)),
                of_version(5, ask(VERB_SET)), intending(ask(VERB_LOCK))
            };
            for (size_t j = 0; j < sizeof requests / sizeof requests[0]; j++)
                try_each_step(&all[i], (layouts & 1) != 0, (layouts & 2) != 0, requests[j]);
        }
}

static int setup(void **state) {
    (void)state;
    test_store_command("FLUSHALL");
    asking_wire.facts.epoch = EPOCH;
    return 0;
}

static int run_all(const char *name) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_script_leaves_a_key_without_an_end, setup),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void) {
    return asking_on_each_server(run_all);
}
