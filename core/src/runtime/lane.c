#include "runtime/lane.h"

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/cache.h"

struct lane *lane_new(struct rcache *cache, struct node *server, enum link_purpose purpose) {
    struct lane *lane = mem_alloc(sizeof *lane);
    if (lane == NULL)
        return NULL;
    *lane = (struct lane){ .cache = cache, .server = server, .purpose = purpose };
    list_init(&lane->unsent);
    gathering_init(&lane->gathering);
    list_init(&lane->in_flight);
    list_init(&lane->confirming);
    return lane;
}

/* The oldest first, those that have all but WAIT's reply, too. */
static void drop_connection(struct lane *lane) {
    list_move_all(&lane->confirming, &lane->in_flight);
    list_move_all(&lane->in_flight, &lane->confirming);
    gathering_drop(&lane->gathering, &lane->in_flight);
    reader_free(lane->reader);
    lane->reader = NULL;
    lane->state = LANE_DOWN;
}

void lane_free(struct lane *lane, struct link_node *done) {
    drop_connection(lane);
    exchange_finish_all(&lane->in_flight, RCACHE_E_CLOSED, "the cache was closed", done);
    exchange_finish_all(&lane->unsent, RCACHE_E_CLOSED, "the cache was closed", done);
    gathering_clear(&lane->gathering);
    buffer_clear(&lane->wire);
    identity_clear(&lane->identity);
    mem_free(lane);
}

static void encode(struct lane *lane, struct request *request, struct link_node *done) {
    gathering_add(&lane->gathering, request, &lane->facts, done);
}

static void encode_all(struct lane *lane, struct link_node *requests, struct link_node *done) {
    for (struct link_node *node; (node = list_take(requests)) != NULL;)
        encode(lane, list_entry(node, struct request, node), done);
}

static void want(struct lane *lane) {
    if (lane->state == LANE_DOWN && !list_empty(&lane->unsent))
        lane->state = LANE_WANTED;
}

static void hang_up(struct lane *lane, int32_t status, const char *how, bool again, struct link_node *done);

/* All of it goes over the next connection. */
static void leave_history(struct lane *lane, struct link_node *done) {
    if (lane->state != LANE_UP || !node_has_risen(lane->server, lane->reign, lane->facts.replica))
        return;
    lane->closed_node = lane->node;
    hang_up(lane, RCACHE_E_UNAVAILABLE, "another server is the primary by now", true, done);
}

void lane_append(struct lane *lane, struct request *request, int64_t now_ms, struct link_node *done) {
    request->sent_ms = now_ms;
    request->attempts++;
    request->heard = HEARD_ANSWER;
    leave_history(lane, done);
    if (lane->cache->closed)
        exchange_finish(request, RCACHE_E_CLOSED, "the cache was closed", done);
    else if (lane->state == LANE_UP)
        encode(lane, request, done);
    else if (lane->state == LANE_DOWN && backoff_bars(&lane->backoff, lane->server, request, now_ms))
        exchange_refuse(request, lane->backoff.failure.status, lane->backoff.failure.message, done);
    else
        list_append(&lane->unsent, &request->node);
    want(lane);
}

/* ---- the connection comes ---- */

/* There was none, or its handshake failed: whoever waits for one is told. */
static void fail_to_connect(struct lane *lane, int32_t status, const char *how, int64_t now_ms,
                            struct link_node *done) {
    rcache_error failure = RCACHE_ERROR_INIT;
    error_set(&failure, status, "%.160s: %s", lane->server->url->data, how);
    drop_connection(lane);
    backoff_note(&lane->backoff, &failure, now_ms, lane->cache->seed ^ (uintptr_t)lane);
    exchange_finish_all(&lane->unsent, failure.status, failure.message, done);
}

static void come_up(struct lane *lane, const struct server_facts *facts, int64_t now_ms, struct link_node *done) {
    lane->state = LANE_UP;
    lane->facts = *facts;
    lane->progress_ms = now_ms;
    lane->backoff = (struct backoff){ 0 };
    if (node_is_replaced(lane->server, lane->reign, facts->epoch))
        recent_want(lane->cache);
    if (lane->purpose == LINK_WATCH && !facts->can_track)
        cache_cannot_watch(lane->cache);
    encode_all(lane, &lane->unsent, done);
}

static void take_handshake(struct lane *lane, enum handshake_state state, int64_t now_ms, struct link_node *done) {
    switch (state) {
    case HANDSHAKE_GOES_ON:
        return;
    case HANDSHAKE_READY:
        come_up(lane, &lane->handshake.facts, now_ms, done);
        return;
    case HANDSHAKE_REFUSED:
        lane->closed_node = lane->node;
        fail_to_connect(lane, lane->handshake.failure.status, lane->handshake.failure.message, now_ms, done);
        return;
    }
}

static void greet(struct lane *lane, int64_t now_ms, struct link_node *done) {
    const struct settings *settings = &lane->cache->settings;
    rcache_error failure = RCACHE_ERROR_INIT;
    identity_clear(&lane->identity);
    if (credentials_take(&lane->cache->credentials, settings, &lane->identity, &failure) != RCACHE_OK) {
        lane->closed_node = lane->node;
        fail_to_connect(lane, failure.status, failure.message, now_ms, done);
        return;
    }
    lane->state = LANE_GREETING;
    lane->since_ms = now_ms;
    lane->target = node_handshake(lane->server, settings, &lane->identity, lane->purpose == LINK_WATCH);
    take_handshake(lane, handshake_begin(&lane->handshake, &lane->target, &lane->gathering.bytes), now_ms, done);
}

/* The caller had the connection from before, no one knows since when. */
static bool is_of_this_reign(const struct lane *lane, const struct server_facts *facts) {
    bool same = facts->epoch == 0 ? !facts->replica : facts->epoch == lane->server->epoch;
    return same || !node_has_risen(lane->server, 0, facts->replica);
}

void lane_connected(struct lane *lane, const char *facts, int64_t now_ms, struct link_node *done) {
    if (lane->state != LANE_CONNECTING)
        return;
    lane->reader = reader_new();
    if (lane->reader == NULL) {
        lane->closed_node = lane->node;
        fail_to_connect(lane, RCACHE_E_NOMEM, "no memory for a connection", now_ms, done);
        return;
    }
    struct server_facts known;
    if (facts != NULL && facts_read(facts, &known) && is_of_this_reign(lane, &known)) {
        lane->reign = lane->server->reign;
        known.packed = lane->cache->settings.layout == LAYOUT_PACKED;
        come_up(lane, &known, now_ms, done);
        return;
    }
    greet(lane, now_ms, done);
}

/* ---- and goes ---- */

static void hang_up(struct lane *lane, int32_t status, const char *how, bool again, struct link_node *done) {
    bool watched = lane->purpose == LINK_WATCH;
    drop_connection(lane);
    if (again)
        exchange_resend(&lane->in_flight, status, how, &lane->unsent, done);
    else
        exchange_finish_all(&lane->in_flight, status, how, done);
    want(lane);
    if (watched)
        cache_changed(lane->cache, slice_of(NULL, 0));
}

void lane_lost(struct lane *lane, const char *why, int64_t now_ms, struct link_node *done) {
    rcache_error failure = RCACHE_ERROR_INIT;
    if (lane->state == LANE_CONNECTING || lane->state == LANE_GREETING) {
        why = why != NULL ? why : "the connection was given up";
        if (lane->state == LANE_GREETING)
            handshake_lost(&lane->handshake, why, &failure);
        fail_to_connect(lane, RCACHE_E_UNAVAILABLE, failure.status != RCACHE_OK ? failure.message : why, now_ms, done);
        return;
    }
    error_set(&failure, RCACHE_E_UNAVAILABLE, "connection lost: %s", why != NULL ? why : "it was given up");
    if (lane->state == LANE_UP)
        hang_up(lane, failure.status, failure.message, true, done);
}

static void give_up(struct lane *lane, int32_t status, const char *how, struct link_node *done) {
    lane->closed_node = lane->node;
    hang_up(lane, status, how, false, done);
}

/* ---- what comes over it ---- */

static void take_reply(struct lane *lane, const struct resp *resp, int64_t now_ms, struct link_node *done) {
    struct link_node again;
    list_init(&again);
    if (resp->type == RESP_PUSH) {
        exchange_take_push(lane->cache, resp);
    } else if (lane->state == LANE_GREETING) {
        take_handshake(lane, handshake_take(&lane->handshake, resp, &lane->gathering.bytes), now_ms, done);
    } else if (!exchange_take_reply(resp, &lane->facts, &lane->in_flight, &lane->confirming, &again,
                                    done)) {
        give_up(lane, RCACHE_E_PROTOCOL, "the server sent what is no reply to any command", done);
    }
    encode_all(lane, &again, done);
}

/* What came can't be read. */
static void stumble(struct lane *lane, bool starved, int64_t now_ms, struct link_node *done) {
    bool greeting = lane->state == LANE_GREETING;
    lane->closed_node = lane->node;
    if (greeting && starved)
        fail_to_connect(lane, RCACHE_E_NOMEM, "no memory for its first replies", now_ms, done);
    else if (greeting)
        fail_to_connect(lane, RCACHE_E_PROTOCOL, "what answers is no Redis server", now_ms, done);
    else if (starved)
        hang_up(lane, RCACHE_E_NOMEM, "no memory for a reply", true, done);
    else
        hang_up(lane, RCACHE_E_PROTOCOL, "the server sent what is no reply to any command", false, done);
}

size_t lane_receive(struct lane *lane, const void *data, size_t size, int64_t now_ms, struct link_node *done) {
    leave_history(lane, done);
    if (lane->reader == NULL)
        return 0;
    lane->progress_ms = now_ms;
    bool fed = reader_feed(lane->reader, data, size);
    const struct resp *resp;
    int next = fed ? 1 : -1;
    while (fed && lane->reader != NULL && (next = reader_next(lane->reader, &resp)) > 0)
        take_reply(lane, resp, now_ms, done);
    if (lane->reader == NULL)
        return 0;
    struct link_node again;
    list_init(&again);
    peeks_take(&lane->gathering.peeks, done, &again, now_ms);
    encode_all(lane, &again, done);
    if (next < 0)
        stumble(lane, !fed || reader_starved(lane->reader), now_ms, done);
    return next < 0 ? 0 : reader_missing(lane->reader);
}

/* ---- time ---- */

static const struct request *oldest(const struct lane *lane) {
    const struct link_node *list = !list_empty(&lane->confirming)  ? &lane->confirming
                                   : !list_empty(&lane->in_flight) ? &lane->in_flight
                                                                   : &lane->gathering.requests;
    return list_empty(list) ? NULL : list_entry(list->next, struct request, node);
}

int64_t lane_due_ms(const struct lane *lane) {
    if (lane->state == LANE_CONNECTING || lane->state == LANE_GREETING)
        return lane->since_ms + lane->cache->settings.connect_timeout_ms;
    return exchange_dead_ms(lane->cache, lane->purpose, oldest(lane), lane->progress_ms);
}

void lane_tick(struct lane *lane, int64_t now_ms, struct link_node *done) {
    bool up = lane->state == LANE_UP;
    if (lane->cache->closed) {
        lane->closed_node = lane->reader != NULL || lane->state == LANE_CONNECTING ? lane->node : lane->closed_node;
        drop_connection(lane);
        exchange_finish_all(&lane->in_flight, RCACHE_E_CLOSED, "the cache was closed", done);
        exchange_finish_all(&lane->unsent, RCACHE_E_CLOSED, "the cache was closed", done);
    } else if (now_ms < lane_due_ms(lane)) {
        return;
    } else if (up) {
        give_up(lane, RCACHE_E_UNAVAILABLE, "no answer from the server within op_timeout", done);
    } else {
        bool greeting = lane->state == LANE_GREETING;
        lane->closed_node = lane->node;
        fail_to_connect(lane, RCACHE_E_UNAVAILABLE,
                        greeting ? "connected, but it does not answer" : "no connection within connect_timeout", now_ms,
                        done);
    }
}

bool lane_idle(const struct lane *lane) {
    return lane->state == LANE_UP && list_empty(&lane->in_flight) && list_empty(&lane->confirming) &&
           lane->gathering.bytes.size == 0;
}

/* ---- what the caller is to do ---- */

static void ask_for_connection(struct lane *lane, uint32_t *nodes, int64_t now_ms, rcache_event *event) {
    lane->state = LANE_CONNECTING;
    lane->since_ms = now_ms;
    lane->node = ++*nodes;
    lane->reign = lane->server->reign;
    *event = (rcache_event){ .kind = RCACHE_EVENT_CONNECT,
                             .node = lane->node,
                             .value = { .data = lane->server->url->data, .size = lane->server->url->size },
                             .wait_ms = lane->cache->settings.connect_timeout_ms };
}

static void hand_out(struct lane *lane, rcache_event *event) {
    buffer_take(&lane->wire, lane->wire.size);
    gathering_leave(&lane->gathering, &lane->wire, &lane->in_flight);
    struct slice bytes = buffer_slice(&lane->wire);
    *event = (rcache_event){ .kind = RCACHE_EVENT_SEND,
                             .node = lane->node,
                             .value = { .data = bytes.data, .size = bytes.size } };
}

bool lane_event(struct lane *lane, uint32_t *nodes, int64_t now_ms, rcache_event *event) {
    if (lane->closed_node != 0) {
        *event = (rcache_event){ .kind = RCACHE_EVENT_CLOSE, .node = lane->closed_node };
        lane->closed_node = 0;
        return true;
    }
    if (lane->state == LANE_WANTED) {
        ask_for_connection(lane, nodes, now_ms, event);
        return true;
    }
    if (lane->reader == NULL || lane->gathering.bytes.size == 0)
        return false;
    hand_out(lane, event);
    return true;
}
