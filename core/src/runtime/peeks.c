#include "runtime/peeks.h"

#include "base/hash.h"

static const int64_t NEVER = 0;

static struct peek_place *place_of(struct peeks *peeks, const struct request *request) {
    return &peeks->places[request->route % PEEKS_MAX];
}

static struct peek_known *known_of(struct peeks *peeks, const struct request *request) {
    return &peeks->known[request->route % PEEKS_KNOWN_MAX];
}

/* The keys of a batch have one route. */
static uint64_t hash_of(const struct request *request) {
    return hash64(request->key.data, request->key.size, 0);
}

static uint8_t second_of(int64_t now_ms) {
    return (uint8_t)((uint64_t)now_ms >> 10);
}

static bool seen_lately(const struct peeks *peeks, const struct request *request) {
    uint8_t ago = (uint8_t)(second_of(request->sent_ms) - peeks->seen[request->route % PEEKS_SEEN_MAX]);
    return ago <= 1;
}

static bool is_shared(const struct request *request) {
    return request->verb == VERB_PEEK && request->shared && request->form == 0;
}

void peeks_init(struct peeks *peeks) {
    for (size_t i = 0; i < PEEKS_MAX; i++)
        list_init(&peeks->places[i].late);
    for (size_t i = 0; i < PEEKS_SEEN_MAX; i++) /* so that it was not seen now */
        peeks->seen[i] = 128;
}

/* As if it had looked. */
static void tell_of_nothing(struct request *request) {
    request->reply = (struct reply){ .status = 0, .verdict = VERDICT_MISS, .remaining_ms = -1, .stale_ms = -1 };
}

static bool is_of_no_use(const struct peek_known *known, const struct request *request) {
    bool soon = known->since_ms != NEVER && request->sent_ms - known->since_ms < PEEKS_KNOWN_MS;
    return soon && known->route == request->route && (request->strong || !known->strong) &&
           known->hash == hash_of(request);
}

static enum peek_way follow(struct request *request, struct link_node *list) {
    list_append(list, &request->node);
    return PEEK_FOLLOWS;
}

enum peek_way peeks_join(struct peeks *peeks, struct request *request) {
    struct peek_known *known = known_of(peeks, request);
    if (!is_shared(request)) {
        if (known->route == request->route && verb_changes(request->verb) && request->verb != VERB_ACQUIRE)
            known->since_ms = NEVER;
        return PEEK_ASKS;
    }
    if (is_of_no_use(known, request)) {
        tell_of_nothing(request);
        return PEEK_TOLD;
    }
    struct peek_place *place = place_of(peeks, request);
    struct request *first = place->first;
    bool same = first != NULL && slice_equal(first->key, request->key);
    if (same && place->batch == peeks->batch)
        return follow(request, &first->followers);
    if (same && !seen_lately(peeks, request))
        return follow(request, &place->late);
    if (list_empty(&place->late)) {
        place->first = request;
        place->batch = peeks->batch;
    }
    return PEEK_ASKS;
}

void peeks_forget(struct peeks *peeks, const struct request *request, struct link_node *late) {
    struct peek_place *place = place_of(peeks, request);
    if (place->first != request)
        return;
    place->first = NULL;
    list_move_all(late, &place->late);
}

void peeks_part(struct peeks *peeks) {
    peeks->batch++;
}

static void note_useless(struct peeks *peeks, const struct request *request, bool strong, int64_t now_ms) {
    *known_of(peeks, request) = (struct peek_known){ now_ms, hash_of(request), request->route, strong };
}

static void note_something(struct peeks *peeks, const struct request *request, int64_t now_ms) {
    struct peek_known *known = known_of(peeks, request);
    peeks->seen[request->route % PEEKS_SEEN_MAX] = second_of(now_ms);
    if (known->route == request->route)
        known->since_ms = NEVER;
}

static void note(struct peeks *peeks, const struct request *request, int64_t now_ms) {
    enum verdict verdict = request->reply.verdict;
    if (request->reply.status != 0)
        return;
    if (request->verb == VERB_PEEK && verdict == VERDICT_MISS)
        note_useless(peeks, request, false, now_ms);
    else if (request->verb == VERB_PEEK || (request->verb == VERB_ACQUIRE && verdict == VERDICT_FRESH))
        note_something(peeks, request, now_ms);
    else if (request->verb == VERB_INVALIDATE)
        note_useless(peeks, request, true, now_ms);
}

static void release(struct peek_place *place, bool nothing, struct link_node *done, struct link_node *again) {
    place->first = NULL;
    for (struct link_node *node; (node = list_take(&place->late)) != NULL;) {
        if (nothing)
            tell_of_nothing(list_entry(node, struct request, node));
        list_append(nothing ? done : again, node);
    }
}

void peeks_take(struct peeks *peeks, struct link_node *done, struct link_node *again, int64_t now_ms) {
    for (struct link_node *node = done->next; node != done; node = node->next) {
        const struct request *request = list_entry(node, struct request, node);
        struct peek_place *place = place_of(peeks, request);
        note(peeks, request, now_ms);
        if (place->first == request)
            release(place, request->reply.status == 0 && request->reply.verdict == VERDICT_MISS, done, again);
    }
}

void peeks_drop(struct peeks *peeks, struct link_node *requests) {
    for (size_t i = 0; i < PEEKS_MAX; i++) {
        peeks->places[i].first = NULL;
        list_move_all(requests, &peeks->places[i].late);
    }
    peeks->batch++;
}

static void answer_as(struct request *follower, const struct request *first) {
    follower->sent_ms = first->sent_ms;
    follower->attempts = first->attempts;
    follower->heard = first->heard;
    follower->reply = first->reply;
    blob_share(follower->reply.value);
    blob_share(follower->reply.message);
}

void peeks_answer(struct link_node *done) {
    for (struct link_node *node = done->next; node != done; node = node->next) {
        struct request *first = list_entry(node, struct request, node);
        if (!first->shared)
            continue;
        for (struct link_node *behind = node->next, *next; (next = list_take(&first->followers)) != NULL;) {
            answer_as(list_entry(next, struct request, node), first);
            list_append(behind, next);
        }
    }
}
