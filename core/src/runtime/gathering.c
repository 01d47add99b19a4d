#include "runtime/gathering.h"

#include "resilicache.h"
#include "runtime/exchange.h"

void gathering_init(struct gathering *gathering) {
    list_init(&gathering->requests);
    peeks_init(&gathering->peeks);
}

void gathering_clear(struct gathering *gathering) {
    buffer_clear(&gathering->bytes);
}

/* False: it can't be sent, and is in *done. */
static bool encode(struct gathering *gathering, struct request *request, const struct server_facts *facts,
                   struct link_node *done) {
    if (request->verb == VERB_WATCH && !facts->can_track) {
        exchange_finish(request, RCACHE_E_UNSUPPORTED, "the server can't tell of changed keys", done);
        return false;
    }
    request->replies = 0;
    request->seals = false;
    if (!redis_encode(&gathering->bytes, request, facts, &request->replies_due)) {
        struct link_node unsent;
        list_init(&unsent);
        peeks_forget(&gathering->peeks, request, &unsent);
        list_append(&unsent, &request->node);
        exchange_finish_all(&unsent, RCACHE_E_NOMEM, "no memory to send a command", done);
        return false;
    }
    list_append(&gathering->requests, &request->node);
    return true;
}

void gathering_add(struct gathering *gathering, struct request *request, const struct server_facts *facts,
                   struct link_node *done) {
    switch (peeks_join(&gathering->peeks, request)) {
    case PEEK_FOLLOWS:
        return;
    case PEEK_TOLD:
        list_append(done, &request->node);
        return;
    case PEEK_ASKS:
        if (encode(gathering, request, facts, done) && request->replicas > 0)
            gathering->unsealed = request;
    }
}

/* One WAIT for all requests with replicas to wait for, as far as none stands behind them. */
static void seal(struct gathering *gathering) {
    if (gathering->unsealed == NULL || !redis_encode_wait(&gathering->bytes, gathering->unsealed))
        return; /* for want of memory they wait for the next one's */
    gathering->unsealed->seals = true;
    gathering->unsealed = NULL;
}

void gathering_leave(struct gathering *gathering, struct buffer *wire, struct link_node *due) {
    seal(gathering);
    peeks_part(&gathering->peeks);
    list_move_all(due, &gathering->requests);
    struct buffer empty = *wire;
    *wire = gathering->bytes;
    gathering->bytes = empty;
}

void gathering_drop(struct gathering *gathering, struct link_node *requests) {
    list_move_all(requests, &gathering->requests);
    peeks_drop(&gathering->peeks, requests);
    buffer_clear(&gathering->bytes);
    gathering->unsealed = NULL;
}
