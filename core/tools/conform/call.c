#include "conform/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TTL_MS = 60000 };

static const char *const VERBS[] = {
    [VERB_FETCH] = "fetch",     [VERB_BATCH] = "batch",     [VERB_GET] = "get",
    [VERB_SET] = "set",         [VERB_RAW_GET] = "raw-get", [VERB_RAW_SET] = "raw-set",
    [VERB_DELETE] = "delete",   [VERB_INSPECT] = "inspect", [VERB_INVALIDATE] = "invalidate",
    [VERB_LOCK] = "lock",       [VERB_RENEW] = "renew",     [VERB_UNLOCK] = "unlock",
    [VERB_UPDATE] = "update",
};

enum { VERB_COUNT = sizeof VERBS / sizeof VERBS[0] };

struct flag {
    const char *name;
    uint32_t bit;
};

static const struct flag FLAGS[] = {
    { "strong", RCACHE_STRONG }, { "eventual", RCACHE_EVENTUAL }, { "waiting", RCACHE_WAIT },
    { "inline", RCACHE_INLINE }, { "intent", RCACHE_INTENT },
    { "nonsense", 0 }, /* what needs the last one is not for C */
    { "permanently", 0 },
};

enum { FLAG_COUNT = sizeof FLAGS / sizeof FLAGS[0] };

int64_t milliseconds_of(const struct word *word) {
    char *unit;
    long long number = strtoll(word->text, &unit, 10);
    if (word->quoted || unit == word->text || number < 0)
        return -1;
    return strcmp(unit, "ms") == 0 ? number : strcmp(unit, "s") == 0 ? number * 1000 : -1;
}

/* Takes what stands behind the attribute, one word; false: it is no such attribute. */
static bool take_attribute(struct call *call, const struct word *name, const struct word *value) {
    int64_t *time = word_is(name, "ttl")        ? &call->ttl_ms
                  : word_is(name, "lease")      ? &call->lease_ms
                  : word_is(name, "deadline")   ? &call->deadline_ms
                                                : NULL;
    const struct word **text = word_is(name, "by")                                ? &call->owner
                             : word_is(name, "to")                                ? &call->value
                             : word_is(name, "after")                             ? &call->after
                             : word_is(name, "seeing")                            ? &call->seeing
                             : word_is(name, "fails") || word_is(name, "throws")  ? &call->failure
                                                                                  : NULL;
    int64_t *version = word_is(name, "version") ? &call->version : word_is(name, "primary") ? &call->primary : NULL;
    if (version != NULL) {
        *version = strtoll(value->text, NULL, 10);
        return *version > 0;
    }
    if (time != NULL)
        *time = milliseconds_of(value);
    else if (text != NULL)
        *text = value;
    else if (word_is(name, "at"))
        call->at = value->text;
    else
        return false;
    return time == NULL || *time >= 0;
}

static bool is_attribute(const struct word *word) {
    static const struct word none = { "1s", 2, false };
    struct call unused;
    for (size_t i = 0; i < FLAG_COUNT; i++)
        if (word_is(word, FLAGS[i].name))
            return true;
    return word_is(word, "forgetting") || take_attribute(&unused, word, &none);
}

/* Moves over words up to the next attribute. */
static struct words take_plain(struct words *rest) {
    struct words plain = { rest->items, 0 };
    while (rest->count > 0 && !is_attribute(rest->items)) {
        *rest = words_after_first(*rest);
        plain.count++;
    }
    return plain;
}

static bool take_flag(struct call *call, const struct word *word) {
    for (size_t i = 0; i < FLAG_COUNT; i++)
        if (word_is(word, FLAGS[i].name)) {
            call->flags |= FLAGS[i].bit;
            call->permanently = call->permanently || word_is(word, "permanently");
            return true;
        }
    return false;
}

const char *call_read(struct words words, struct call *call) {
    *call = (struct call){ .at = "main", .ttl_ms = TTL_MS };
    while ((size_t)call->verb < VERB_COUNT && !(words.count > 0 && word_is(words.items, VERBS[call->verb])))
        call->verb++;
    if ((size_t)call->verb == VERB_COUNT)
        return "neither a step nor a call";
    struct words rest = words_after_first(words);
    call->names = take_plain(&rest);
    if ((call->verb == VERB_SET || call->verb == VERB_RAW_SET) && call->names.count > 0)
        call->value = &call->names.items[--call->names.count];
    bool many = call->verb == VERB_BATCH || call->verb == VERB_INVALIDATE || call->verb == VERB_DELETE;
    if (call->names.count != 1 && !many)
        return "a call that wants one key, or something that no call has";
    while (rest.count > 0) {
        const struct word *word = rest.items;
        rest = words_after_first(rest);
        if (word_is(word, "forgetting")) {
            call->forgotten = take_plain(&rest);
        } else if (!take_flag(call, word)) {
            if (rest.count == 0 || !take_attribute(call, word, rest.items))
                return "something that no call has, or that wants something else behind it";
            rest = words_after_first(rest);
        }
    }
    return NULL;
}

/* The keys in one run of bytes, and their sizes behind it, in one block to be freed. */
static char *flatten(struct words names, uint32_t **sizes) {
    size_t total = 0;
    for (size_t i = 0; i < names.count; i++)
        total += names.items[i].size;
    *sizes = malloc(names.count * sizeof **sizes + total + 1);
    if (*sizes == NULL)
        return NULL;
    char *keys = (char *)(*sizes + names.count), *at = keys;
    for (size_t i = 0; i < names.count; i++) {
        memcpy(at, names.items[i].text, names.items[i].size);
        at += names.items[i].size;
        (*sizes)[i] = (uint32_t)names.items[i].size;
    }
    return keys;
}

rcache_op *call_op(const struct call *call, rcache *cache, const char *session) {
    static const struct word nothing = { "", 0, true };
    const rcache_call terms = { .struct_size = sizeof terms,
                                .flags = call->flags | (call->verb == VERB_RAW_GET || call->verb == VERB_RAW_SET
                                                            ? RCACHE_RAW
                                                            : 0),
                                .deadline_ms = call->deadline_ms,
                                .session = session,
                                .version = call->verb == VERB_SET || call->verb == VERB_INVALIDATE
                                               ? (uint64_t)call->version
                                               : 0 };
    const struct word *value = call->value != NULL ? call->value : &nothing;
    const struct word *owner = call->owner != NULL ? call->owner : &nothing;
    const uint32_t value_size = (uint32_t)value->size;
    size_t count = call->names.count;
    uint32_t *sizes;
    char *keys = flatten(call->names, &sizes);
    rcache_op *op = NULL;
    switch (keys != NULL ? call->verb : VERB_GET) { /* without memory, an op that fails for want of keys */
    case VERB_FETCH:
    case VERB_BATCH: op = rcache_op_fetch(cache, keys, sizes, count, call->ttl_ms, &terms); break;
    case VERB_GET:
    case VERB_RAW_GET: op = rcache_op_get(cache, keys, sizes, keys != NULL ? count : 0, &terms); break;
    case VERB_SET:
    case VERB_RAW_SET: op = rcache_op_set(cache, keys, sizes, value->text, &value_size, count, call->ttl_ms, &terms);
        break;
    case VERB_INVALIDATE: op = rcache_op_invalidate(cache, keys, sizes, count, &terms); break;
    case VERB_DELETE: op = rcache_op_delete(cache, keys, sizes, count, &terms); break;
    case VERB_INSPECT: op = rcache_op_inspect(cache, keys, sizes, count, &terms); break;
    case VERB_LOCK:
        op = rcache_op_lock(cache, keys, sizes, count, owner->text, owner->size, call->lease_ms, &terms);
        break;
    case VERB_RENEW:
        op = rcache_op_renew(cache, keys, sizes, count, owner->text, owner->size, call->lease_ms, &terms);
        break;
    case VERB_UPDATE:
        op = rcache_op_update(cache, keys, sizes[0], owner->text, owner->size, call->lease_ms, &terms);
        break;
    case VERB_UNLOCK: op = rcache_op_unlock(cache, keys, sizes, count, owner->text, owner->size, &terms); break;
    }
    free(sizes);
    return op;
}
