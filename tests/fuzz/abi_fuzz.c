/* The C ABI in any order of calls that the header allows, on caches in memory: each op is done once, whichever driver
 * runs it and whatever ends first; what was handed out can be read and finished after all else is gone.
 *
 * The input is a program: a byte for the call, then a byte or two for what is meant. */
#include "resilicache.h"
#include "target.h"

#include <string.h>

enum { PLACES = 8, TAGS_MAX = 4096, KEYS_MAX = 3 };

enum driver { NOBODY, WAITED, QUEUED, STEPPED };

struct place {
    rcache *cache;
    rcache_queue *queue;
    rcache_stepper *stepper;
};

struct running {
    rcache_op *op;
    enum driver driver;
    bool begun;      /* waited for already */
    uint8_t place;   /* of its cache */
    uint64_t tag;
};

static struct place places[PLACES];
static struct running ops[PLACES];
static rcache_load *loads[PLACES];
static rcache_result *results[PLACES];
static uint8_t done[TAGS_MAX];
static uint64_t tags;

/* ---- what comes back ---- */

static void read_value(const rcache_value *value) {
    static volatile uint8_t sum;
    for (size_t i = 0; i < value->size; i++)
        sum = sum ^ ((const uint8_t *)value->data)[i];
    check((value->status == RCACHE_OK) == (value->outcome != RCACHE_FAILED));
}

static void read_result(const rcache_result *result) {
    rcache_value values[KEYS_MAX];
    size_t first, count = rcache_result_values(result, values, KEYS_MAX);
    check(count <= KEYS_MAX);
    for (size_t i = 0; i < count; i++) {
        read_value(&values[i]);
        check((values[i].status == RCACHE_OK) == (rcache_result_message(result, i)[0] == '\0'));
    }
    int32_t status = rcache_result_status(result, &first);
    check(status == (first < count ? values[first].status : RCACHE_OK));
    check(rcache_result_message(result, count)[0] == '\0');
}

static void keep_result(rcache_result *result) {
    size_t at = tags % PLACES;
    read_result(result);
    rcache_result_free(results[at]);
    results[at] = result;
}

static void answer(rcache_load *load, uint8_t how) {
    size_t size;
    for (size_t i = 0; i < rcache_load_count(load); i++) {
        check(rcache_load_key(load, i, &size) != NULL && size > 0 && rcache_load_position(load, i) < KEYS_MAX);
        int32_t status = how % 4 == 0   ? rcache_load_value(load, i, "value", how % 6, how & 64 ? 5 : 0)
                         : how % 4 == 1 ? rcache_load_absent(load, i)
                         : how % 4 == 2 ? rcache_load_fail(load, i, how & 64 ? NULL : "away")
                                        : RCACHE_OK;
        check(status == RCACHE_OK);
    }
    check(rcache_load_wanted(load) >= 0);
    check(rcache_load_key(load, rcache_load_count(load), &size) == NULL && size == 0);
    check(rcache_load_absent(load, rcache_load_count(load)) == RCACHE_E_INVALID);
}

static void keep_load(rcache_load *load) {
    for (size_t i = 0; i < PLACES; i++)
        if (loads[i] == NULL) {
            loads[i] = load;
            return;
        }
    rcache_load_finish(load);
}

static void forget(struct running *running) {
    *running = (struct running){ 0 };
}

static void take_event(struct running *running, const rcache_event *event) {
    if (event->load != NULL)
        keep_load(event->load);
    if (event->kind != RCACHE_EVENT_DONE)
        return;
    check(done[running->tag]++ == 0);
    forget(running);
    keep_result(event->result);
}

/* ---- ops ---- */

static rcache_op *begin(rcache *cache, uint8_t kind, uint8_t flags) {
    static const uint32_t sizes[KEYS_MAX] = { 1, 2, 3 }, value_sizes[KEYS_MAX] = { 3, 0, 1 };
    const char *keys = flags & 1 ? "abbccc" : "xaabbb";
    /* Short: a strong fetch of a key that another loads waits until then. */
    rcache_call call = { .struct_size = sizeof call, .flags = (flags & 2) ? RCACHE_STRONG : 0, .deadline_ms = 2 };
    call.flags |= ((flags & 4) ? RCACHE_INLINE : 0) | ((flags & 8) ? RCACHE_RAW | RCACHE_WAIT : 0);
    size_t count = (flags & 16) ? KEYS_MAX : (flags & 32) ? 0 : 1;
    const char *owner = flags & 64 ? "you" : "me";
    call.flags |= kind % 11 == 4 && (flags & 4) ? RCACHE_INTENT : 0;
    switch (kind % 11) {
    case 0: return rcache_op_get(cache, keys, sizes, count, &call);
    case 1: return rcache_op_set(cache, keys, sizes, "v1v2", value_sizes, count, flags & 64 ? 1 : 1000, &call);
    case 2: return rcache_op_invalidate(cache, keys, sizes, count, &call);
    case 3: return rcache_op_delete(cache, keys, sizes, count, NULL);
    case 4: return rcache_op_lock(cache, keys, sizes, count, owner, 2, flags & 64 ? 1 : 0, &call);
    case 5: return rcache_op_renew(cache, keys, sizes, count, owner, 2, 0, &call);
    case 6: return rcache_op_unlock(cache, keys, sizes, count, owner, 2, NULL);
    case 7: return rcache_op_inspect(cache, keys, sizes, count, &call);
    case 8: return rcache_op_fetch(cache, NULL, sizes, 1, -1, &call); /* can't be begun */
    default: return rcache_op_fetch(cache, keys, sizes, count, 1000, &call);
    }
}

static struct running *free_place(void) {
    for (size_t i = 0; i < PLACES; i++)
        if (ops[i].driver == NOBODY)
            return &ops[i];
    return NULL;
}

static void begin_op(uint8_t kind, uint8_t flags) {
    struct running *running = free_place();
    uint8_t place = kind / 11 % PLACES;
    if (running == NULL || tags == TAGS_MAX)
        return;
    rcache_op *op = begin(places[place].cache, kind, flags);
    *running = (struct running){ .op = op, .driver = WAITED, .place = place, .tag = tags++ };
}

static void wait(struct running *running, int64_t timeout_ms) {
    rcache_event event;
    if (running->driver != WAITED)
        return;
    running->begun = true;
    rcache_op_wait(running->op, timeout_ms, &event);
    take_event(running, &event);
}

static void load_in_call(rcache_load *load, void *arg) {
    uint8_t how = *(const uint8_t *)arg;
    if (how & 128) {
        keep_load(load);
        return;
    }
    answer(load, how);
    rcache_load_finish(load);
}

static void run(struct running *running, uint8_t how) {
    rcache_result *result = NULL;
    if (running->driver != WAITED)
        return;
    int32_t status = rcache_op_run(running->op, how & 32 ? NULL : load_in_call, &how, &result);
    check(rcache_result_status(result, NULL) == status && done[running->tag]++ == 0);
    forget(running);
    keep_result(result);
}

static void fetch(rcache *cache, uint8_t how) {
    rcache_result *result = NULL;
    rcache_call call = { .struct_size = sizeof call, .deadline_ms = 2 };
    rcache_fetch(cache, RCACHE_STR("a"), 1000, load_in_call, &how, &call, how & 64 ? &result : NULL);
    rcache_result_free(result);
}

/* ---- queues and steppers ---- */

static bool in(const struct running *running, enum driver driver, const struct place *place) {
    return running->driver == driver && &places[running->place] == place;
}

static void submit(struct running *running) {
    struct place *place = &places[running->place];
    if (running->driver != WAITED || running->begun)
        return;
    if (place->queue != NULL) {
        running->driver = QUEUED;
        rcache_queue_submit(place->queue, running->op, running->tag);
    } else if (place->stepper != NULL) {
        running->driver = STEPPED;
        rcache_stepper_submit(place->stepper, running->op, running->tag);
    }
}

static void take_tagged(const rcache_event *event) {
    size_t at = 0;
    while (at < PLACES && !(ops[at].driver > WAITED && ops[at].tag == event->tag))
        at++;
    check(at < PLACES);
    take_event(&ops[at], event);
}

static size_t drain(struct place *place, size_t capacity) {
    rcache_event events[PLACES];
    size_t count = place->queue != NULL     ? rcache_queue_drain(place->queue, events, capacity)
                   : place->stepper != NULL ? rcache_stepper_drain(place->stepper, events, capacity)
                                            : 0;
    for (size_t i = 0; i < count; i++)
        take_tagged(&events[i]);
    return count;
}

static void free_driver(struct place *place) {
    rcache_queue_free(place->queue);
    rcache_stepper_free(place->stepper);
    for (size_t i = 0; i < PLACES; i++)
        if (in(&ops[i], QUEUED, place) || in(&ops[i], STEPPED, place))
            forget(&ops[i]);
    place->queue = NULL;
    place->stepper = NULL;
}

static void make_driver(struct place *place, uint8_t which) {
    int32_t status = RCACHE_OK;
    if (place->queue != NULL || place->stepper != NULL || place->cache == NULL)
        return;
    if (which & 1)
        status = rcache_stepper_new(place->cache, &place->stepper, NULL);
    else
        status = rcache_queue_new(place->cache, &place->queue, NULL);
    check(status == RCACHE_OK || status == RCACHE_E_MISUSE);
}

/* ---- caches ---- */

static void open_cache(struct place *place, uint8_t which) {
    static const char *const options[] = { "", "?memory_max_bytes=1kb", "?disable_cache_read=yes", "?lock_expire=10ms",
                                           "?prefix=p:", "?disable_cache_delete=yes", "?delay=1ms", "?deadline=3ms" };
    char url[64];
    if (place->cache != NULL || place->queue != NULL || place->stepper != NULL)
        return;
    snprintf(url, sizeof url, "memory://%s", options[which % 8]);
    check(rcache_open(url, NULL, &place->cache, NULL) == RCACHE_OK);
}

static void close_cache(struct place *place) {
    rcache_close(place->cache);
    place->cache = NULL;
    while (drain(place, PLACES) > 0)
        continue;
    for (size_t i = 0; i < PLACES; i++)
        check(!in(&ops[i], QUEUED, place) && !in(&ops[i], STEPPED, place));
}

static void read_stats(rcache *cache, size_t capacity) {
    char text[64];
    size_t size = rcache_stats(cache, text, capacity);
    check(capacity == 0 || strlen(text) == (size < capacity ? size : capacity - 1));
}

/* ---- the program ---- */

static void call(uint8_t what, uint8_t which, struct input *input) {
    struct running *running = &ops[which % PLACES];
    struct place *place = &places[which % PLACES];
    rcache_load **load = &loads[which % PLACES];
    rcache_result **result = &results[which % PLACES];
    switch (what % 20) {
    case 0: open_cache(place, which / PLACES); return;
    case 1: close_cache(place); return;
    case 2: wait(running, 1); return;
    case 3: run(running, input_byte(input)); return;
    case 4: rcache_op_cancel(running->op); return;
    case 5: make_driver(place, which / PLACES); return;
    case 6: drain(place, which / PLACES % PLACES); return;
    case 7: free_driver(place); return;
    case 8: read_stats(place->cache, which / 4); return;
    case 9: fetch(place->cache, input_byte(input)); return;
    case 10: submit(running); return;
    case 11:
        if (*result != NULL)
            read_result(*result);
        return;
    case 12:
        rcache_result_free(*result);
        *result = NULL;
        return;
    case 13:
        if (*load != NULL)
            answer(*load, which / PLACES);
        return;
    case 14:
        rcache_load_finish(*load);
        *load = NULL;
        return;
    case 15:
        if (running->driver == WAITED) {
            rcache_op_free(running->op);
            forget(running);
        }
        return;
    case 16:
    case 17: wait(running, 0); return;
    default: begin_op(which, input_byte(input));
    }
}

static void end_all(bool caches_first) {
    for (size_t i = 0; caches_first && i < PLACES; i++)
        close_cache(&places[i]);
    for (size_t i = 0; i < PLACES; i++) {
        rcache_op_cancel(ops[i].op);
        while (ops[i].driver == WAITED)
            wait(&ops[i], -1);
    }
    for (size_t i = 0; i < PLACES; i++) {
        close_cache(&places[i]);
        free_driver(&places[i]);
        rcache_load_finish(loads[i]);
        rcache_result_free(results[i]);
        loads[i] = NULL;
        results[i] = NULL;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = { data, size };
    memset(done, 0, sizeof done);
    tags = 0;
    bool caches_first = input_byte(&input) % 2 != 0;
    while (input.left > 0) {
        uint8_t what = input_byte(&input);
        call(what, input_byte(&input), &input);
    }
    end_all(caches_first);
    return 0;
}
