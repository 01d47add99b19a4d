#define _POSIX_C_SOURCE 200809L
#include "relay/sender.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS = 64, WAIT_MS = 1000, OP_KEYS_MAX = 100000 };

/* A batch on its way, sorted by versions. */
struct load {
    const struct keys *keys;
    size_t *order;   /* numbers of keys: those of one version side by side; the tag of their op is the first's place */
    uint32_t *sizes; /* in that order */
    char *bytes;
    rcache_op **ops;
    uint64_t *tags;
    size_t op_count;
    bool *failed; /* by the number of the key */
    rcache_value *values;
};

static void load_clear(struct load *load) {
    free(load->order);
    free(load->sizes);
    free(load->bytes);
    free(load->ops);
    free(load->tags);
    free(load->failed);
    free(load->values);
}

static bool load_init(struct load *load, const struct keys *keys) {
    *load = (struct load){
        .keys = keys,
        .order = calloc(keys->count, sizeof *load->order),
        .sizes = calloc(keys->count, sizeof *load->sizes),
        .bytes = malloc(keys->size + 1),
        .ops = calloc(keys->count, sizeof *load->ops),
        .tags = calloc(keys->count, sizeof *load->tags),
        .failed = calloc(keys->count, sizeof *load->failed),
        .values = calloc(keys->count, sizeof *load->values),
    };
    return load->order != NULL && load->sizes != NULL && load->bytes != NULL && load->ops != NULL && load->tags != NULL
        && load->failed != NULL && load->values != NULL;
}

struct numbered {
    uint64_t version;
    size_t number;
};

static int compare(const void *one, const void *other) {
    const struct numbered *a = one, *b = other;
    if (a->version != b->version)
        return a->version < b->version ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static bool sort(struct load *load) {
    const struct keys *keys = load->keys;
    struct numbered *sorted = calloc(keys->count, sizeof *sorted);
    if (sorted == NULL)
        return false;
    for (size_t i = 0; i < keys->count; i++)
        sorted[i] = (struct numbered){ keys->all[i]->version, i };
    qsort(sorted, keys->count, sizeof *sorted, compare);
    char *at = load->bytes;
    for (size_t i = 0; i < keys->count; i++) {
        load->order[i] = sorted[i].number;
        struct slice key = keys->all[load->order[i]]->node.key;
        load->sizes[i] = (uint32_t)key.size;
        memcpy(at, key.data, key.size);
        at += key.size;
    }
    free(sorted);
    return true;
}

static uint64_t version_at(const struct load *load, size_t place) {
    return load->keys->all[load->order[place]]->version;
}

/* How many keys from this place on have its version, and go in one op. */
static size_t run_length(const struct load *load, size_t place) {
    size_t end = place + 1;
    while (end < load->keys->count && end - place < OP_KEYS_MAX && version_at(load, end) == version_at(load, place))
        end++;
    return end - place;
}

static void begin_ops(struct load *load, rcache *cache) {
    const char *at = load->bytes;
    for (size_t place = 0, count; place < load->keys->count; place += count) {
        count = run_length(load, place);
        rcache_call call = { .struct_size = sizeof call, .version = version_at(load, place) };
        load->ops[load->op_count] = rcache_op_invalidate(cache, at, load->sizes + place, count, &call);
        load->tags[load->op_count++] = place;
        for (size_t i = place; i < place + count; i++)
            at += load->sizes[i];
    }
}

/* Notes what became of one key of an op, whose first failure is `status`; the status to report, with `why`. */
static int32_t take_key(struct sender *sender, const rcache_result *result, size_t index, int32_t status,
                        struct why *why) {
    if (status == RCACHE_E_TYPE) {
        if (sender->passed_over++ == 0)
            why_set(&sender->why_passed_over, "%s", rcache_result_message(result, index));
        return RCACHE_OK;
    }
    if (status != RCACHE_OK)
        why_set(why, "%s", rcache_result_message(result, index));
    return status;
}

/* What became of the keys of an op; the status of the first that failed, with `why`. */
static int32_t take_result(struct sender *sender, struct load *load, const rcache_event *event, struct why *why) {
    size_t place = (size_t)event->tag, count = run_length(load, place);
    int32_t first = rcache_result_status(event->result, NULL), status = RCACHE_OK;
    bool is_told_of_each = rcache_result_values(event->result, load->values, count) == count;
    for (size_t i = 0; i < count && first != RCACHE_OK; i++) {
        struct why why_of_this;
        int32_t status_of_this = is_told_of_each ? load->values[i].status : first;
        status_of_this = take_key(sender, event->result, is_told_of_each ? i : 0, status_of_this, &why_of_this);
        load->failed[load->order[place + i]] = status_of_this != RCACHE_OK;
        if (status == RCACHE_OK && status_of_this != RCACHE_OK) {
            status = status_of_this;
            *why = why_of_this;
        }
    }
    rcache_result_free(event->result);
    return status;
}

static int32_t run_ops(struct sender *sender, struct load *load, struct why *why) {
    int32_t status = RCACHE_OK;
    rcache_queue *queue = sender->queue;
    rcache_event events[EVENTS];
    rcache_queue_submit_all(queue, load->ops, load->tags, load->op_count);
    for (size_t left = load->op_count; left > 0;) { /* ends by the ops' deadline */
        size_t count = rcache_queue_drain(queue, events, EVENTS);
        for (size_t i = 0; i < count; i++) {
            struct why of_this;
            int32_t status_of_this = take_result(sender, load, &events[i], &of_this);
            if (status == RCACHE_OK && status_of_this != RCACHE_OK) {
                status = status_of_this;
                *why = of_this;
            }
        }
        left -= count;
        if (count == 0)
            poll(&(struct pollfd){ .fd = rcache_queue_fd(queue), .events = POLLIN }, 1, WAIT_MS);
    }
    return status;
}

int32_t sender_try(struct sender *sender, struct keys *keys, struct why *why) {
    struct load load;
    rcache_error err = RCACHE_ERROR_INIT;
    int32_t status = RCACHE_OK;
    sender->passed_over = 0;
    if (sender->queue == NULL && (status = rcache_queue_new(sender->cache, &sender->queue, &err)) != RCACHE_OK) {
        why_set(why, "%s", err.message);
        return status;
    }
    if (!load_init(&load, keys) || !sort(&load)) {
        why_set(why, "no memory");
        load_clear(&load);
        return RCACHE_E_NOMEM;
    }
    begin_ops(&load, sender->cache);
    status = run_ops(sender, &load, why);
    size_t before = keys->count;
    keys_leave(keys, load.failed);
    sender->invalidated += before - keys->count - sender->passed_over;
    load_clear(&load);
    return status;
}

void sender_free(struct sender *sender) {
    rcache_queue_free(sender->queue);
    sender->queue = NULL;
}
