/* Every allocation of every public call refused in turn, once and from there on: the call fails with an error or does
 * without, no value is a wrong one, nothing leaks, nothing hangs, and with memory the same cache works on.
 *
 * All in one file: the last test asks whether each public function was called in it. */
#include "support/covered.h"
#include "support/shortage.h"
#include "support/stores.h"
#include "support/worker.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALL(function) (covered_note(#function), function)

/* ---- what is checked of whatever comes back ---- */

static const char *const VALUE = "the value", *const KEYS = "abc";
static const uint32_t VALUE_SIZE = 9;
static const uint32_t KEY_SIZES[] = { 1, 1, 1 };
static const rcache_call SOON = { .struct_size = sizeof(rcache_call), .deadline_ms = 3000 };

static void expect_status(int32_t status) {
    switch (status) {
    case RCACHE_OK:
    case RCACHE_E_NOMEM:
    case RCACHE_E_LOADER: /* whose answer could not be kept */
    case RCACHE_E_UNAVAILABLE:
        return;
    default:
        fail_msg("%s: %s", shortage_text(), rcache_status_name(status));
    }
}

static void expect_sound(const rcache_value *value) {
    expect_status(value->status);
    assert_int_equal(value->status == RCACHE_OK, value->outcome != RCACHE_FAILED);
    if (value->outcome != RCACHE_HIT && value->outcome != RCACHE_LOADED && value->outcome != RCACHE_STALE)
        return;
    bool described = value->size > 6 && memcmp(value->data, "state ", 6) == 0;
    assert_true(described || (value->size == strlen(VALUE) && memcmp(value->data, VALUE, value->size) == 0));
}

static void take_result(rcache_result *result) {
    rcache_value values[3];
    size_t first, count = CALL(rcache_result_values)(result, values, 3);
    assert_in_range(count, 1, 3);
    for (size_t i = 0; i < count; i++) {
        expect_sound(&values[i]);
        assert_int_equal(values[i].status == RCACHE_OK, CALL(rcache_result_message)(result, i)[0] == '\0');
    }
    expect_status(CALL(rcache_result_status)(result, &first));
    assert_int_equal(CALL(rcache_result_fence)(result, count), 0);
    CALL(rcache_result_free)(result);
}

static void load(rcache_load *load, void *arg) {
    (void)arg;
    assert_int_equal(CALL(rcache_load_wanted)(load) & CALL(rcache_load_primary)(load), 0);
    for (size_t i = 0, size; i < CALL(rcache_load_count)(load); i++) {
        assert_non_null(CALL(rcache_load_key)(load, i, &size));
        assert_true(CALL(rcache_load_position)(load, i) < 3);
        CALL(rcache_load_wanted)(load);
        CALL(rcache_load_fence)(load);
        assert_int_equal(CALL(rcache_load_absent)(load, i) | CALL(rcache_load_version)(load, i, 1), RCACHE_OK);
        expect_status(CALL(rcache_load_fail)(load, i, "no memory for the value"));
        expect_status(CALL(rcache_load_fail_permanent)(load, i, "no such value"));
        expect_status(CALL(rcache_load_value)(load, i, VALUE, strlen(VALUE), 0));
    }
    CALL(rcache_load_finish)(load);
}

static void run(rcache_op *op) {
    rcache_result *result;
    expect_status(CALL(rcache_op_run)(op, load, NULL, &result));
    take_result(result);
}

/* What a user would do: once more, where that may help. */
static void works(rcache *cache, const char *key) {
    int64_t end_ms = scene_now_ms() + 10000;
    for (;;) {
        rcache_result *result;
        int32_t status = rcache_fetch(cache, key, 1, 60000, load, NULL, &SOON, &result);
        if (status != RCACHE_OK && (!rcache_status_retriable(status) || scene_now_ms() > end_ms))
            fail_msg("%s, and then: %s", shortage_text(), rcache_result_message(result, 0));
        if (status == RCACHE_OK) {
            take_result(result);
            return;
        }
        rcache_result_free(result);
        scene_pause_ms(1);
    }
}

/* ---- the parts: each is played with a cache whose connections stand ---- */

static void write_and_read(rcache *cache) {
    char values[64];
    const uint32_t sizes[] = { 9, 9, 9 };
    snprintf(values, sizeof values, "%s%s%s", VALUE, VALUE, VALUE);
    run(CALL(rcache_op_set)(cache, KEYS, KEY_SIZES, values, sizes, 3, 60000, &SOON));
    run(CALL(rcache_op_get)(cache, KEYS, KEY_SIZES, 3, &SOON));
    run(CALL(rcache_op_inspect)(cache, KEYS, KEY_SIZES, 3, &SOON));
    run(CALL(rcache_op_invalidate)(cache, KEYS, KEY_SIZES, 3, &SOON));
    run(CALL(rcache_op_fetch)(cache, KEYS, KEY_SIZES, 3, 60000, &SOON)); /* stale, with a refresh behind */
    run(CALL(rcache_op_delete)(cache, KEYS, KEY_SIZES, 3, &SOON));
}

/* One that was acknowledged holds. */
static void invalidate_for_sure(rcache *cache) {
    rcache_result *result;
    const rcache_call strong = { .struct_size = sizeof strong, .flags = RCACHE_STRONG, .deadline_ms = 3000 };
    shortage_pause();
    rcache_op_run(rcache_op_set(cache, KEYS, KEY_SIZES, "o", KEY_SIZES, 1, 60000, &SOON), NULL, NULL, NULL);
    shortage_resume();
    int32_t status = rcache_op_run(rcache_op_invalidate(cache, KEYS, KEY_SIZES, 1, &SOON), NULL, NULL, NULL);
    expect_status(status);
    shortage_pause();
    if (status != RCACHE_OK) /* as its caller was told to: once more */
        run(rcache_op_invalidate(cache, KEYS, KEY_SIZES, 1, &SOON));
    assert_int_equal(rcache_fetch(cache, KEYS, 1, 60000, load, NULL, &strong, &result), RCACHE_OK);
    take_result(result);
    shortage_resume();
}

static void lock_and_unlock(rcache *cache) {
    run(CALL(rcache_op_lock)(cache, KEYS, KEY_SIZES, 1, "me", 2, 50, &SOON));
    rcache_op *renewal = CALL(rcache_op_renew)(cache, KEYS, KEY_SIZES, 1, "me", 2, 50, &SOON);
    rcache_event event;
    assert_int_equal(CALL(rcache_op_wait)(renewal, -1, &event), RCACHE_EVENT_DONE);
    if (event.value.status != RCACHE_E_LOST) /* as where locking failed */
        expect_sound(&event.value);
    rcache_result_free(event.result);
    run(CALL(rcache_op_unlock)(cache, KEYS, KEY_SIZES, 1, "me", 2, &SOON));
    char token[RCACHE_SESSION_SIZE];
    rcache_error err;
    assert_int_equal(CALL(rcache_session_token)(cache, token, &err), RCACHE_E_MISUSE);
    assert_int_equal(CALL(rcache_session_join)(cache, "", &err), RCACHE_E_MISUSE);
    assert_int_equal(CALL(rcache_session_share)(cache, cache, &err), RCACHE_E_MISUSE);
    run(CALL(rcache_op_update)(cache, KEYS, 1, NULL, 0, 50, &SOON));
}

static void fetch_cold(rcache *cache) {
    rcache_result *result;
    const rcache_call strong = { .struct_size = sizeof strong, .flags = RCACHE_STRONG, .deadline_ms = 3000 };
    run(rcache_op_fetch(cache, KEYS, KEY_SIZES, 2, 60000, &strong));
    expect_status(CALL(rcache_fetch)(cache, "c", 1, 60000, load, NULL, &SOON, &result));
    take_result(result);
}

/* The first op of a cache opens its connection. */
static void connect_and_get(rcache *cache) {
    run(rcache_op_get(cache, KEYS, KEY_SIZES, 1, &SOON));
}

static void give_up(rcache *cache) {
    rcache_event event;
    rcache_op *op = rcache_op_fetch(cache, KEYS, KEY_SIZES, 3, 60000, &SOON);
    rcache_op *second = rcache_op_fetch(cache, KEYS, KEY_SIZES, 3, 60000, &SOON);
    if (rcache_op_wait(op, -1, &event) == RCACHE_EVENT_LOAD) {
        CALL(rcache_op_cancel)(op);
        rcache_load *held = event.load;
        rcache_op_wait(second, 1, &event);
        if (event.kind == RCACHE_EVENT_DONE)
            take_result(event.result);
        else
            CALL(rcache_op_free)(second);
        if (event.load != NULL)
            load(event.load, NULL);
        load(held, NULL);
        assert_int_equal(rcache_op_wait(op, -1, &event), RCACHE_EVENT_DONE);
        rcache_result_free(event.result);
        return;
    }
    take_result(event.result);
    rcache_op_free(second);
}

static char query[128]; /* of the caches at hand: keys of their own */

/* Another process loads, and what it brings is waited for. */
static void wait_for_another(rcache *cache) {
    rcache_event theirs, ours;
    shortage_pause();
    rcache *other = scene_open(query);
    rcache_op *first = rcache_op_fetch(other, KEYS, KEY_SIZES, 1, 60000, &SOON);
    assert_int_equal(rcache_op_wait(first, -1, &theirs), RCACHE_EVENT_LOAD);
    shortage_resume();
    const rcache_call brief = { .struct_size = sizeof brief, .deadline_ms = 300 };
    rcache_op *second = rcache_op_fetch(cache, KEYS, KEY_SIZES, 1, 60000, &brief);
    int32_t kind = rcache_op_wait(second, 5, &ours);
    load(theirs.load, NULL);
    while (kind != RCACHE_EVENT_DONE) {
        if (kind == RCACHE_EVENT_LOAD)
            load(ours.load, NULL);
        kind = rcache_op_wait(second, -1, &ours);
    }
    if (ours.value.status != RCACHE_E_TIMEOUT) /* as where the other's load failed, and its lease lives on */
        expect_sound(&ours.value);
    rcache_result_free(ours.result);
    rcache_op_free(first);
    rcache_close(other);
}

static size_t take_events(rcache_event *events, size_t count) {
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        if (events[i].load != NULL)
            load(events[i].load, NULL);
        if (events[i].kind == RCACHE_EVENT_DONE)
            take_result(events[i].result);
        done += events[i].kind == RCACHE_EVENT_DONE;
    }
    return done;
}

static void queue_up(rcache *cache) {
    rcache_queue *queue;
    int32_t status = CALL(rcache_queue_new)(cache, &queue, NULL);
    expect_status(status);
    if (status != RCACHE_OK)
        return;
    rcache_op *ops[3];
    for (size_t i = 0; i < 3; i++)
        ops[i] = rcache_op_fetch(cache, KEYS, KEY_SIZES, 2, 60000, &SOON);
    CALL(rcache_queue_submit_all)(queue, ops, (uint64_t[]){ 0, 1, 2 }, 3);
    CALL(rcache_queue_submit)(queue, rcache_op_set(cache, "c", KEY_SIZES, VALUE, &VALUE_SIZE, 1, 60000, &SOON), 3);
    int64_t end_ms = scene_now_ms() + 10000;
    for (size_t done = 0; done < 4;) {
        rcache_event events[4];
        struct pollfd fd = { .fd = CALL(rcache_queue_fd)(queue), .events = POLLIN };
        if (poll(&fd, 1, 100) == 0 && scene_now_ms() > end_ms)
            fail_msg("%s: %zu of 4 ops done", shortage_text(), done);
        done += take_events(events, CALL(rcache_queue_drain)(queue, events, 4));
    }
    CALL(rcache_queue_free)(queue);
}

/* ---- the stepper, with one socket for each of its connections ---- */

enum { NODES_MAX = 16 };

static void take_step(rcache_stepper *stepper, const rcache_event *event, int *sockets) {
    int *fd = &sockets[event->node % NODES_MAX];
    if (event->kind == RCACHE_EVENT_CONNECT) {
        *fd = worker_dial(&event->value);
        CALL(rcache_stepper_connected)(stepper, event->node, NULL);
    } else if (event->kind == RCACHE_EVENT_SEND) {
        assert_int_equal(write(*fd, event->value.data, event->value.size), event->value.size);
    } else if (event->kind == RCACHE_EVENT_CLOSE) {
        close(*fd);
        *fd = -1;
    }
}

static void receive(rcache_stepper *stepper, int *sockets) {
    struct pollfd fds[NODES_MAX];
    char bytes[4096], facts[32];
    for (size_t i = 0; i < NODES_MAX; i++)
        fds[i] = (struct pollfd){ .fd = sockets[i], .events = POLLIN };
    int64_t wait_ms = CALL(rcache_stepper_wait_ms)(stepper);
    poll(fds, NODES_MAX, wait_ms < 0 || wait_ms > 100 ? 100 : (int)wait_ms);
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        ssize_t got = fds[i].fd >= 0 && fds[i].revents != 0 ? read(fds[i].fd, bytes, sizeof bytes) : 0;
        if (got > 0)
            CALL(rcache_stepper_receive)(stepper, i, bytes, (size_t)got);
        CALL(rcache_stepper_idle)(stepper, i);
        CALL(rcache_stepper_facts)(stepper, i, facts, sizeof facts);
    }
}

/* Until so many ops are done; the status of the last. */
static int32_t step_until(rcache_stepper *stepper, int *sockets, size_t wanted) {
    int64_t end_ms = scene_now_ms() + 10000;
    int32_t status = RCACHE_OK;
    for (size_t done = 0; done < wanted;) {
        rcache_event events[4];
        size_t count = CALL(rcache_stepper_drain)(stepper, events, 4);
        for (size_t i = 0; i < count; i++) {
            status = events[i].kind == RCACHE_EVENT_DONE ? events[i].value.status : status;
            take_step(stepper, &events[i], sockets);
        }
        done += take_events(events, count);
        if (scene_now_ms() > end_ms)
            fail_msg("%s: %zu of %zu ops done", shortage_text(), done, wanted);
        if (count == 0)
            receive(stepper, sockets);
    }
    return status;
}

static void step(rcache *cache) {
    rcache_stepper *stepper;
    int32_t status = CALL(rcache_stepper_new)(cache, &stepper, NULL);
    expect_status(status);
    if (status != RCACHE_OK) {
        shortage_pause(); /* then it is a cache like any other */
        works(cache, KEYS);
        shortage_resume();
        return;
    }
    int sockets[NODES_MAX];
    memset(sockets, -1, sizeof sockets);
    CALL(rcache_stepper_submit)(stepper, rcache_op_fetch(cache, KEYS, KEY_SIZES, 2, 60000, &SOON), 1);
    rcache_stepper_submit(stepper, rcache_op_set(cache, "c", KEY_SIZES, VALUE, &VALUE_SIZE, 1, 60000, &SOON), 2);
    step_until(stepper, sockets, 2);
    shortage_pause(); /* from here on it has to work */
    int64_t end_ms = scene_now_ms() + 10000;
    do {
        rcache_stepper_submit(stepper, rcache_op_fetch(cache, KEYS, KEY_SIZES, 1, 60000, &SOON), 3);
        status = step_until(stepper, sockets, 1);
    } while (status != RCACHE_OK && scene_now_ms() < end_ms);
    assert_int_equal(status, RCACHE_OK);
    shortage_resume();
    for (uint32_t i = 0; i < NODES_MAX; i++)
        if (sockets[i] >= 0) {
            CALL(rcache_stepper_lost)(stepper, i, NULL);
            close(sockets[i]);
        }
    CALL(rcache_stepper_free)(stepper);
}

/* ---- without a cache, or with a cold one ---- */

static void options_and_open(rcache *unused) {
    (void)unused;
    rcache_error err;
    rcache_option_info info = { .struct_size = sizeof info };
    rcache *cache;
    char text[4096];
    rcache_options *options = CALL(rcache_options_new)();
    assert_int_equal(CALL(rcache_options_describe)(0, &info), RCACHE_OK);
    int32_t status = options == NULL ? RCACHE_E_NOMEM : CALL(rcache_options_set)(options, "prefix", "p:", &err);
    expect_status(status);
    if (status == RCACHE_OK) {
        status = CALL(rcache_open)("memory://?prefix=q:&delay=5s", options, &cache, &err);
        assert_true((cache != NULL) == (status == RCACHE_OK) && err.status == status);
        expect_status(status);
    }
    if (status == RCACHE_OK) {
        CALL(rcache_stats)(cache, text, sizeof text);
        expect_status(CALL(rcache_credentials)(cache, "user", "password", &err));
        expect_status(CALL(rcache_set_option)(cache, "disable_cache_read", "yes", &err));
        CALL(rcache_close)(cache);
    }
    CALL(rcache_options_free)(options);
    assert_true(CALL(rcache_version)() > 0 && CALL(rcache_has)("memory") == 1);
    assert_string_equal(CALL(rcache_status_name)(RCACHE_E_NOMEM), "RCACHE_E_NOMEM");
    CALL(rcache_status_retriable)(RCACHE_E_NOMEM);
}

/* ---- and all of them, allocation by allocation ---- */

struct part {
    const char *name;
    void (*play)(rcache *);
    bool warm; /* its connection stands */
    bool ends; /* no op can be run after it */
};

static void play_part(const struct part *part, bool lasting) {
    static int rounds;
    int number = 1;
    for (int asked = 1; asked >= number - 1; number++) {
        snprintf(query, sizeof query, "prefix=%d.%d:&connections=1&lock_expire=100ms", (int)getpid(), ++rounds);
        rcache *cache = scene_open(query);
        if (part->warm)
            works(cache, "w");
        int64_t began_ms = scene_now_ms();
        shortage_begin(number, lasting);
        part->play(cache);
        asked = shortage_end();
        if (scene_now_ms() - began_ms > 8000)
            fail_msg("%s took %d ms", shortage_text(), (int)(scene_now_ms() - began_ms));
        if (!part->ends)
            works(cache, KEYS);
        rcache_close(cache);
    }
    print_message("%d allocations refused%s\n", number - 2, lasting ? ", each with all after it" : "");
}

static void play(void **state) {
    play_part(*state, false);
    play_part(*state, true);
}

static void every_public_function_was_called_without_memory(void **state) {
    (void)state;
    covered_check();
}

#define PART(name, warm, ends) { #name, play, NULL, NULL, &(struct part){ #name, name, warm, ends } }

int main(void) {
    const struct CMUnitTest tests[] = {
        PART(options_and_open, true, false), PART(write_and_read, true, false), PART(invalidate_for_sure, true, false),
        PART(lock_and_unlock, true, false),  PART(fetch_cold, true, false),     PART(give_up, true, false),
        PART(queue_up, true, false),         PART(step, false, true),
    };
    const struct CMUnitTest server_tests[] = {
        PART(wait_for_another, true, false), PART(connect_and_get, false, false),
        cmocka_unit_test(every_public_function_was_called_without_memory),
    };
    const struct scene_tests groups[] = { { "no memory", tests, sizeof tests / sizeof tests[0], false },
                                          { "no memory, and a server", server_tests, 3, true } };
    return scene_run(groups, 2);
}
