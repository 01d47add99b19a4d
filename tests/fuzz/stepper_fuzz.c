/* The stepping driver with any bytes from its servers, cut anywhere, and whatever else may happen meanwhile: each op is
 * done once, each load is handed out once, and what is handed out can be read.
 *
 * Three bytes say which cache, which ops and how bytes are cut.  The rest comes from the connection to which something
 * was sent last, but for bytes from 0xF8 on: these are the events of `happen`. */
#include "base/alloc.h"
#include "resilicache.h"
#include "target.h"

#include <string.h>

enum { OPS_MAX = 32, LOADS_MAX = 64, NODES_MAX = 64, EVENTS_MAX = 100000 };

static struct {
    rcache *cache;
    rcache_stepper *stepper;
    uint32_t nodes[NODES_MAX]; /* that are connected */
    size_t node_count;
    uint32_t spoken_to; /* 0: none */
    bool facts;         /* connections come from a pool */
    bool refuses;       /* connections can't be made */
    size_t submitted;
    uint8_t done[OPS_MAX];
    rcache_op *ops[OPS_MAX]; /* NULL: done */
    rcache_load *loads[LOADS_MAX];
    size_t load_count;
} caller;

static void open_cache(uint8_t which) {
    static const char *const urls[] = {
        "redis://127.0.0.1:1?connections=1", "redis+cluster://127.0.0.1:1,127.0.0.1:2?connections=1",
        "redis+sentinel://127.0.0.1:1/main?connections=1", "redis://127.0.0.1:1?wait_replicas=1",
        "redis://127.0.0.1:1?disable_cache_read=yes", "memory://", "redis://127.0.0.1:1?resp=2&prefix=p:",
        "redis+cluster://127.0.0.1:1?wait_replicas=1&strong_consistency=yes"
    };
    memset(&caller, 0, sizeof caller);
    caller.facts = (which & 8) != 0;
    caller.refuses = (which & 16) != 0;
    check(rcache_open(urls[which % 8], NULL, &caller.cache, NULL) == RCACHE_OK);
    check(rcache_stepper_new(caller.cache, &caller.stepper, NULL) == RCACHE_OK);
}

static void submit(uint8_t kind) {
    static const uint32_t sizes[] = { 1, 5, 0 }, value_sizes[] = { 2, 0, 1 };
    static const char keys[] = "k{k}:2", values[] = "v1x";
    const rcache_call call = { .struct_size = sizeof call, .flags = (kind & 32)   ? RCACHE_STRONG
                                                                    : (kind & 64) ? RCACHE_INLINE
                                                                                  : 0 };
    rcache *cache = caller.cache;
    size_t count = (kind & 16) ? 3 : 1;
    rcache_op *op = NULL;
    if (caller.submitted == OPS_MAX)
        return;
    switch (kind % 9) {
    case 0: op = rcache_op_fetch(cache, keys, sizes, count, 1000, &call); break;
    case 1: op = rcache_op_get(cache, keys, sizes, count, NULL); break;
    case 2: op = rcache_op_set(cache, keys, sizes, values, value_sizes, count, 1000, NULL); break;
    case 3: op = rcache_op_invalidate(cache, keys, sizes, count, NULL); break;
    case 4: op = rcache_op_delete(cache, keys, sizes, count, NULL); break;
    case 5: op = rcache_op_lock(cache, keys, sizes, count, "me", 2, 0, NULL); break;
    case 6: op = rcache_op_renew(cache, keys, sizes, count, "me", 2, 0, NULL); break;
    case 7: op = rcache_op_unlock(cache, keys, sizes, count, "me", 2, NULL); break;
    default: op = rcache_op_inspect(cache, keys, sizes, count, NULL);
    }
    caller.ops[caller.submitted] = op;
    rcache_stepper_submit(caller.stepper, op, caller.submitted++);
}

/* ---- events ---- */

static void read_bytes(const void *data, size_t size) {
    uint8_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum ^= ((const uint8_t *)data)[i];
    *(volatile uint8_t *)&sum = sum;
}

static void take_done(const rcache_event *event) {
    rcache_value values[3];
    size_t count = rcache_result_values(event->result, values, 3);
    check(event->tag < caller.submitted && caller.done[event->tag]++ == 0);
    check(count <= 3);
    caller.ops[event->tag] = NULL;
    for (size_t i = 0; i < count; i++) {
        read_bytes(values[i].data, values[i].size);
        check((values[i].status == RCACHE_OK) == (values[i].outcome != RCACHE_FAILED));
        check((values[i].status == RCACHE_OK) == (rcache_result_message(event->result, i)[0] == '\0'));
    }
    rcache_result_free(event->result);
}

static void take_load(rcache_load *load) {
    check(rcache_load_count(load) > 0);
    for (size_t i = 0, size; i < rcache_load_count(load); i++) {
        const void *key = rcache_load_key(load, i, &size);
        read_bytes(key, size);
        check(rcache_load_position(load, i) < 3);
    }
    if (caller.load_count < LOADS_MAX)
        caller.loads[caller.load_count++] = load;
    else
        rcache_load_finish(load);
}

static void forget(uint32_t node) {
    for (size_t i = 0; i < caller.node_count; i++)
        if (caller.nodes[i] == node)
            caller.nodes[i--] = caller.nodes[--caller.node_count];
    caller.spoken_to = caller.spoken_to == node ? 0 : caller.spoken_to;
}

static void connect_to(uint32_t node) {
    if (caller.refuses || caller.node_count == NODES_MAX) {
        rcache_stepper_lost(caller.stepper, node, "refused");
        return;
    }
    caller.nodes[caller.node_count++] = node;
    rcache_stepper_connected(caller.stepper, node, caller.facts ? "00000000000000e1-t" : NULL);
}

static void take_event(const rcache_event *event) {
    if (event->load != NULL)
        take_load(event->load);
    switch (event->kind) {
    case RCACHE_EVENT_DONE: take_done(event); return;
    case RCACHE_EVENT_CONNECT:
        read_bytes(event->value.data, event->value.size);
        connect_to(event->node);
        return;
    case RCACHE_EVENT_SEND:
        read_bytes(event->value.data, event->value.size);
        caller.spoken_to = event->node;
        return;
    case RCACHE_EVENT_CLOSE: forget(event->node); return;
    default: check(event->kind == RCACHE_EVENT_LOAD && event->load != NULL);
    }
}

static void drain(size_t capacity) {
    rcache_event events[8];
    size_t count = capacity;
    for (size_t all = 0; count == capacity; all += count) {
        check(all < EVENTS_MAX);
        count = rcache_stepper_drain(caller.stepper, events, capacity);
        for (size_t i = 0; i < count; i++)
            take_event(&events[i]);
    }
    check(rcache_stepper_wait_ms(caller.stepper) >= -1);
}

/* ---- what else happens ---- */

static void finish_load(void) {
    if (caller.load_count == 0)
        return;
    rcache_load *load = caller.loads[--caller.load_count];
    for (size_t i = 0; i < rcache_load_count(load); i++) {
        int32_t status = i % 3 == 0   ? rcache_load_value(load, i, "v2", 2, 0)
                         : i % 3 == 1 ? rcache_load_absent(load, i)
                                      : rcache_load_fail(load, i, "no such row");
        check(status == RCACHE_OK);
    }
    rcache_load_finish(load);
}

static void lose(const char *why) {
    uint32_t node = caller.spoken_to;
    char facts[32];
    if (node == 0)
        return;
    if (why == NULL && rcache_stepper_idle(caller.stepper, node))
        check(rcache_stepper_facts(caller.stepper, node, facts, sizeof facts) > 0);
    rcache_stepper_lost(caller.stepper, node, why);
    forget(node);
}

static void happen(uint8_t what, uint8_t kind) {
    switch (what) {
    case 0xF8: submit(kind); break;
    case 0xF9: finish_load(); break;
    case 0xFA: lose("cut off"); break;
    case 0xFB: lose(NULL); break;
    case 0xFC:
        if (caller.submitted > 0)
            rcache_op_cancel(caller.ops[kind % caller.submitted]);
        break;
    case 0xFD: caller.spoken_to = caller.node_count > 0 ? caller.nodes[kind % caller.node_count] : 0; break;
    case 0xFE: caller.refuses = !caller.refuses; break;
    default: submit(0);
    }
}

/* The bytes up to the next event, at most `most` of them. */
static void receive(struct input *input, size_t most) {
    size_t size = 0;
    while (size < input->left && size < most && input->at[size] < 0xF8)
        size++;
    uint8_t *exact = mem_alloc(size);
    check(exact != NULL);
    memcpy(exact, input->at, size);
    if (caller.spoken_to != 0)
        rcache_stepper_receive(caller.stepper, caller.spoken_to, exact, size);
    mem_free(exact);
    input->at += size;
    input->left -= size;
}

/* The cache first: ops are told of it, unless the stepper goes, too. */
static void end(bool tell) {
    rcache_close(caller.cache);
    if (tell)
        drain(8);
    rcache_stepper_free(caller.stepper);
    for (size_t i = 0; tell && i < caller.submitted; i++)
        check(caller.done[i] == 1);
    while (caller.load_count > 0)
        finish_load();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = { data, size };
    uint8_t which = input_byte(&input), ops = input_byte(&input), cut = input_byte(&input);
    open_cache(which);
    submit(ops);
    if (ops & 128)
        submit(ops);
    drain(8);
    while (input.left > 0) {
        if (*input.at >= 0xF8) {
            uint8_t what = input_byte(&input);
            happen(what, input_byte(&input));
        } else {
            receive(&input, (size_t)cut + 1);
        }
        drain(which & 128 ? 1 : 8);
    }
    end((which & 64) == 0);
    return 0;
}
