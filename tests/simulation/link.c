#include "link.h"

#include "resilicache.h"
#include "runtime/exchange.h"
#include "world.h"

enum { PAUSE_LAST_MS = 1000, ATTEMPTS_MAX = 2 };

/* ---- when a connection is dead ---- */

/* The oldest request without an answer counts, or, while bytes flow, the last of them. */
static int64_t dead_ms(const struct link *link) {
    const struct request *oldest = link->connection != NULL ? connection_oldest(link->connection) : NULL;
    if (oldest == NULL)
        return INT64_MAX;
    const struct world *world = link->process->world;
    int64_t progress_ms = process_now_ms(link->process) - (world->now_us - link->connection->progress_us) / 1000;
    int64_t wait_ms = link->purpose == PURPOSE_CONFIRM ? world->plan.policy.wait_replicas_timeout_ms : 0;
    return (oldest->sent_ms > progress_ms ? oldest->sent_ms : progress_ms) + world->plan.op_timeout_ms + wait_ms;
}

static void expect_replies(struct world *world, struct link *link) {
    int64_t due_ms = dead_ms(link);
    if (due_ms == INT64_MAX) {
        world_cancel(world, &link->patience);
        return;
    }
    int64_t left_ms = due_ms - process_now_ms(link->process);
    world_at(world, &link->patience, world->now_us + (left_ms > 0 ? left_ms : 0) * 1000 + 500, link->patience.run);
}

/* ---- sending ---- */

static void transmit(struct world *world, struct link *link, struct request *request, struct link_node *done) {
    if (request->verb == VERB_WATCH && !world->plan.watch)
        exchange_finish(request, RCACHE_E_UNSUPPORTED, "no tracking", done);
    else if (!connection_send(world, link->connection, request))
        exchange_finish(request, RCACHE_E_NOMEM, "no room", done);
    expect_replies(world, link);
}

static void begin_dialing(struct world *world, struct link *link) {
    if (link->dialing || list_empty(&link->unsent))
        return;
    const struct node *node = process_node(link->process, link->member);
    link->dialing = true;
    link->reign = node != NULL ? node->reign : 0;
    world_at(world, &link->dial, world->now_us + 3 * network_latency_us(world), link->dial.run);
}

/* As runtime/peeks.c, which leaves that to looks at keys that had nothing lately: it has to do no harm at any. */
static bool told_of_nothing(struct world *world, struct request *request) {
    bool may = request->verb == VERB_PEEK && request->shared && request->form == 0;
    if (!may || !dice_chance(&world->peeks, 50))
        return false;
    request->reply = (struct reply){ .status = RCACHE_OK, .verdict = VERDICT_MISS };
    return true;
}

void link_append(struct world *world, struct link *link, struct request *request, struct link_node *done) {
    request->sent_ms = process_now_ms(link->process);
    request->attempts++;
    request->heard = HEARD_ANSWER;
    link_leaves_history(world, link);
    if (link->connection != NULL && told_of_nothing(world, request)) {
        list_append(done, &request->node);
    } else if (link->connection != NULL) {
        transmit(world, link, request, done);
    } else if (world->now_us < link->retry_us) {
        exchange_refuse(request, RCACHE_E_UNAVAILABLE, "no connection", done);
    } else {
        list_append(&link->unsent, &request->node);
        begin_dialing(world, link);
    }
}

void link_receive(struct world *world, struct link *link, struct link_node *again, struct link_node *done) {
    for (struct link_node *node; (node = list_take(again)) != NULL;)
        transmit(world, link, list_entry(node, struct request, node), done);
    expect_replies(world, link);
    process_dispatch(link->process, done);
}

/* ---- the connection comes and goes ---- */

static void fail_to_dial(struct world *world, struct link *link, struct link_node *done) {
    link->pause_ms = link->pause_ms == 0 ? world->plan.policy.lock_expire_ms / 4 + 1 : link->pause_ms * 2;
    link->pause_ms = link->pause_ms < PAUSE_LAST_MS ? link->pause_ms : PAUSE_LAST_MS;
    link->retry_us = world->now_us + dice_between(&world->latency, link->pause_ms * 500, link->pause_ms * 1000);
    exchange_finish_all(&link->unsent, RCACHE_E_UNAVAILABLE, "no connection", done);
}

static void dial(struct world *world, struct event *event) {
    struct link *link = event_owner(event, struct link, dial);
    struct process *process = link->process;
    if (process_puts_off(process, event))
        return;
    struct link_node done, unsent;
    list_init(&done);
    list_init(&unsent);
    link->dialing = false;
    const struct member *member = &world->server.members[link->member];
    bool up = member->up && world->now_us >= member->stalled_us;
    link->connection = up ? connection_open(world, link) : NULL;
    tell(world, "p%u %s to server %u", process->number, up ? "has a connection" : "can't connect", link->member);
    if (link->connection == NULL) {
        fail_to_dial(world, link, &done);
    } else {
        link->pause_ms = 0;
        link->retry_us = 0;
        if (link->purpose != PURPOSE_WATCH)
            server_takes_scripts(world, link->member);
        if (link->purpose != PURPOSE_REPLICA)
            process->epoch = process->foreign || world->plan.trust ? 0 : link->connection->epoch;
        if (link->purpose == PURPOSE_WATCH && !world->plan.watch)
            process->engine.can_watch = false;
        list_move_all(&unsent, &link->unsent);
        for (struct link_node *node; (node = list_take(&unsent)) != NULL;)
            transmit(world, link, list_entry(node, struct request, node), &done);
    }
    process_dispatch(process, &done);
}

/* What was on its way may be carried out all the same: after a break only by way of something in between that has
 * swallowed it. */
static bool drops(struct world *world, bool again) {
    bool late = plan_has(&world->plan, FAULT_late);
    return world->calm || (again && !late) || dice_chance(&world->luck, late ? 200 : 500);
}

static void disconnect(struct world *world, struct link *link, bool again, struct link_node *requests) {
    struct connection *connection = link->connection;
    link->connection = NULL;
    world_cancel(world, &link->hang_up);
    world_cancel(world, &link->patience);
    if (connection != NULL)
        connection_close(world, connection, drops(world, again), requests);
}

/* `again`: what had no answer is sent once more over the next connection; the server has not taken its time yet. */
static void hang_up(struct world *world, struct link *link, bool again) {
    struct link_node requests, done;
    list_init(&requests);
    list_init(&done);
    disconnect(world, link, again, &requests);
    for (struct link_node *node; (node = list_take(&requests)) != NULL;) {
        struct request *request = list_entry(node, struct request, node);
        if (!again || request->attempts >= ATTEMPTS_MAX) {
            exchange_finish(request, RCACHE_E_UNAVAILABLE, "no answer", &done);
            continue;
        }
        request->attempts++;
        list_append(&link->unsent, node);
    }
    begin_dialing(world, link);
    if (link->purpose == PURPOSE_WATCH)
        process_changed(link->process, slice_of(NULL, 0));
    process_dispatch(link->process, &done);
}

bool link_leaves_history(struct world *world, struct link *link) {
    const struct node *node = process_node(link->process, link->member);
    if (node == NULL || link->connection == NULL || !node_has_risen(node, link->reign, false))
        return false;
    tell(world, "p%u leaves a connection to server %u, which has become the primary again", link->process->number,
         link->member);
    hang_up(world, link, true);
    return true;
}

static void find_broken(struct world *world, struct event *event) {
    struct link *link = event_owner(event, struct link, hang_up);
    if (process_puts_off(link->process, event))
        return;
    tell(world, "p%u finds a connection broken", link->process->number);
    hang_up(world, link, true);
}

static void lose_patience(struct world *world, struct event *event) {
    struct link *link = event_owner(event, struct link, patience);
    if (process_puts_off(link->process, event))
        return;
    if (connection_has_replies(world, link->connection)) { /* it reads before it judges */
        world_at(world, event, world->now_us + 1, event->run);
        return;
    }
    if (process_now_ms(link->process) < dead_ms(link)) {
        expect_replies(world, link);
        return;
    }
    tell(world, "p%u has had no answer within op_timeout and hangs up", link->process->number);
    hang_up(world, link, false);
}

void link_broken(struct world *world, struct link *link) {
    world_at(world, &link->hang_up, world->now_us + 2 * network_latency_us(world), link->hang_up.run);
}

void link_init(struct link *link, struct process *process, uint32_t member, enum purpose purpose) {
    *link = (struct link){ .process = process, .member = member, .purpose = purpose };
    link->dial.run = dial;
    link->hang_up.run = find_broken;
    link->patience.run = lose_patience;
    list_init(&link->unsent);
}

void link_close(struct world *world, struct link *link, struct link_node *done) {
    struct link_node requests;
    list_init(&requests);
    disconnect(world, link, false, &requests);
    world_cancel(world, &link->dial);
    exchange_finish_all(&requests, RCACHE_E_CLOSED, "closed", done);
    exchange_finish_all(&link->unsent, RCACHE_E_CLOSED, "closed", done);
}
