#include "network.h"

#include "answer.h"
#include "base/rule.h"
#include "record.h"
#include "replica.h"
#include "resilicache.h"
#include "world.h"

#include <string.h>

void network_init(struct network *network) {
    list_init(&network->open);
    list_init(&network->unused_messages);
    list_init(&network->unused_connections);
    for (size_t i = 0; i < MESSAGES_MAX; i++)
        list_append(&network->unused_messages, &network->messages[i].node);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        list_append(&network->unused_connections, &network->connections[i].node);
}

int64_t network_latency_us(struct world *world) {
    int64_t latency_us = world->plan.latency_us;
    int64_t us = dice_between(&world->latency, latency_us / 2, latency_us * 2);
    if (!world->calm && plan_has(&world->plan, FAULT_spike) && dice_chance(&world->latency, 50))
        us += dice_between(&world->latency, 0, world->plan.policy.lock_expire_ms * 1500);
    return us;
}

/* ---- messages ---- */

static struct message *message_new(struct world *world) {
    struct link_node *node = list_take(&world->network.unused_messages);
    if (node == NULL) {
        world_violate(world, "too many messages under way: somebody asks without end");
        return NULL;
    }
    struct message *message = list_entry(node, struct message, node);
    memset(message, 0, offsetof(struct message, owner));
    list_init(&message->node);
    return message;
}

static void message_free(struct world *world, struct message *message) {
    request_clear(&message->request);
    list_remove(&message->node);
    list_append(&world->network.unused_messages, &message->node);
}

static void free_all(struct world *world, struct link_node *messages) {
    while (!list_empty(messages))
        message_free(world, list_entry(messages->next, struct message, node));
}

size_t token_write(char token[OWNER_SIZE_MAX], struct slice owner, uint32_t attempt) {
    memcpy(token, owner.data, owner.size);
    if (owner.size != TOKEN_SIZE || !RULE(a_token_for_each_attempt, attempt > 1))
        return owner.size;
    token[owner.size] = '-';
    token[owner.size + 1] = (char)('0' + attempt);
    return owner.size + 2;
}

static struct slice copy(char *to, size_t size, struct slice from) {
    size_t kept = from.size < size ? from.size : size;
    if (kept > 0)
        memcpy(to, from.data, kept);
    return slice_of(to, kept);
}

/* As redis/command.c has it: each attempt has a token of its own, and under a lease that another server process granted
 * nothing is owned. */
static void note_owner(struct message *message) {
    struct request *request = &message->request;
    bool acquires = request->verb == VERB_ACQUIRE || request->verb == VERB_REFRESH;
    bool releases = request->verb == VERB_RELEASE;
    request->owner.size = token_write(message->owner, request->owner,
                                      acquires ? request->attempts : request->grant.attempt);
    bool foreign = request->grant.epoch != 0 && request->grant.epoch != message->epoch;
    if (!acquires && !releases && RULE(leases_of_another_process_store_nothing, foreign))
        request->owner.size = 0;
}

static struct message *message_of(struct world *world, const struct connection *connection, struct request *request) {
    struct message *message = message_new(world);
    if (message == NULL)
        return NULL;
    const struct process *process = connection->link->process;
    message->request = *request;
    message->request.value = blob_share(request->value);
    message->request.reply = (struct reply){ .status = RCACHE_OK };
    message->key = request->key.size > 0 ? key_number(request->key) : 0;
    message->request.key = key_slice(message->key);
    message->request.owner = copy(message->owner, sizeof message->owner, request->owner);
    message->request.seen = copy(message->seen, sizeof message->seen, request->seen);
    message->origin = request;
    message->replica = request->primary_epoch != 0;
    message->epoch = message->replica ? request->primary_epoch : connection->epoch;
    message->foreign = process->foreign || world->plan.trust;
    note_owner(message);
    message->sender_ms = process_now_ms(process) + process->skew_ms;
    if (request->reply_for == FOR_SLOT) {
        const struct slot *slot = request->target;
        message->write = call_of(slot->op)->writes[slot - slot->op->slots];
    }
    return message;
}

static int64_t first_due_us(const struct link_node *messages) {
    return list_entry(messages->next, struct message, node)->due_us;
}

/* Behind the last of its kind, a latency from now. */
static void put_on_way(struct world *world, struct link_node *messages, struct message *message, int64_t *last_us) {
    int64_t due_us = world->now_us + network_latency_us(world);
    message->due_us = *last_us = due_us > *last_us ? due_us : *last_us + 1;
    list_append(messages, &message->node);
}

/* ---- connections ---- */

static void free_if_unused(struct world *world, struct connection *connection) {
    if (connection->link != NULL || !list_empty(&connection->commands))
        return;
    free_all(world, &connection->replies);
    world_cancel(world, &connection->arrival);
    world_cancel(world, &connection->delivery);
    list_remove(&connection->node);
    list_append(&world->network.unused_connections, &connection->node);
}

/* Who reads is not always at once at it, and finds several replies then. */
static void expect_delivery(struct world *world, struct connection *connection) {
    int64_t us = first_due_us(&connection->replies);
    if (us != INT64_MAX && dice_chance(&world->threads, 200))
        us += dice_between(&world->threads, 0, 2 * world->plan.latency_us);
    world_at(world, &connection->delivery, us, connection->delivery.run);
}

static void reply_with(struct world *world, struct connection *connection, struct message *message) {
    put_on_way(world, &connection->replies, message, &connection->replies_us);
    if (!connection->delivery.node.queued)
        expect_delivery(world, connection);
}

/* True: replicas that have to confirm it have not yet, and there is time left. */
static bool waits(struct world *world, struct message *message) {
    struct reply *reply = &message->request.reply;
    if (message->request.replicas == 0 || reply->status != RCACHE_OK || replica_has(&world->server, message->changed))
        return false;
    if (world->now_us < message->until_us)
        return true;
    reply_clear(reply);
    *reply = (struct reply){ .status = RCACHE_E_TIMEOUT };
    return false;
}

static void carry_out(struct world *world, const struct connection *connection, struct message *message) {
    message->executed = true;
    message->refused = server_refuses(world, connection->member, message, message->refusal);
    if (message->refused && world->telling != TELL_NOTHING)
        record_tell(world, connection->member, message);
    if (message->refused)
        return;
    server_execute(world, connection->member, message);
    message->changed = world->server.changed;
    message->until_us = world->now_us + message->request.replicas_ms * 1000;
}

/* The server takes the next command. */
static void arrive(struct world *world, struct event *event) {
    struct connection *connection = event_owner(event, struct connection, arrival);
    const struct member *member = &world->server.members[connection->member];
    if (connection->life != member->life)
        free_all(world, &connection->commands); /* the process that would have taken them is gone */
    if (list_empty(&connection->commands)) {
        free_if_unused(world, connection);
        return;
    }
    if (world->now_us < member->stalled_us) {
        world_at(world, event, member->stalled_us + (int64_t)dice_below(&world->latency, 20), event->run);
        return;
    }
    struct message *message = list_entry(connection->commands.next, struct message, node);
    if (!message->executed)
        carry_out(world, connection, message);
    if (!message->refused && RULE(acknowledged_is_replicated, waits(world, message))) {
        world_at(world, event, message->until_us, event->run);
        return;
    }
    list_remove(&message->node);
    if (message->request.verb == VERB_WATCH && !message->refused)
        connection->watched |= 1u << message->key;
    if (connection->cut || connection->link == NULL)
        message_free(world, message);
    else
        reply_with(world, connection, message);
    if (!list_empty(&connection->commands))
        world_at(world, event, first_due_us(&connection->commands), event->run);
    free_if_unused(world, connection);
}

static void deliver(struct world *world, struct event *event) {
    struct connection *connection = event_owner(event, struct connection, delivery);
    struct link *link = connection->link;
    if (link == NULL || process_puts_off(link->process, event))
        return;
    struct process *process = link->process;
    struct link_node again, done;
    list_init(&again);
    list_init(&done);
    if (link_leaves_history(world, link))
        return;
    connection->progress_us = world->now_us;
    while (!list_empty(&connection->replies) && first_due_us(&connection->replies) <= world->now_us) {
        struct message *message = list_entry(connection->replies.next, struct message, node);
        list_remove(&message->node);
        if (message->push)
            process_changed(process, key_slice(message->key));
        else if (message->origin != NULL)
            answer_take(world, message, &again, &done);
        message_free(world, message);
    }
    if (!list_empty(&connection->replies))
        expect_delivery(world, connection);
    link_receive(world, link, &again, &done);
}

struct connection *connection_open(struct world *world, struct link *link) {
    struct link_node *node = list_take(&world->network.unused_connections);
    if (node == NULL) {
        world_violate(world, "too many connections: somebody dials without end");
        return NULL;
    }
    struct connection *connection = list_entry(node, struct connection, node);
    *connection = (struct connection){ .link = link,
                                       .member = link->member,
                                       .epoch = world->server.members[link->member].epoch,
                                       .life = world->server.members[link->member].life,
                                       .progress_us = world->now_us };
    connection->arrival.run = arrive;
    connection->delivery.run = deliver;
    list_init(&connection->commands);
    list_init(&connection->replies);
    list_init(&connection->node);
    list_append(&world->network.open, &connection->node);
    return connection;
}

bool connection_send(struct world *world, struct connection *connection, struct request *request) {
    struct message *message = message_of(world, connection, request);
    if (message == NULL)
        return false;
    put_on_way(world, &connection->commands, message, &connection->commands_us);
    if (!connection->arrival.node.queued && !connection->cut)
        world_at(world, &connection->arrival, first_due_us(&connection->commands), connection->arrival.run);
    return true;
}

/* The messages go on without their requests. */
static void take_back(struct link_node *messages, struct link_node *requests) {
    for (struct link_node *node = messages->next; node != messages; node = node->next) {
        struct message *message = list_entry(node, struct message, node);
        if (message->origin != NULL)
            list_append(requests, &message->origin->node);
        message->origin = NULL;
    }
}

void connection_close(struct world *world, struct connection *connection, bool drops, struct link_node *requests) {
    connection->link = NULL;
    connection->watched = 0;
    take_back(&connection->replies, requests);
    take_back(&connection->commands, requests);
    if (drops || connection->life != world->server.members[connection->member].life) {
        free_all(world, &connection->commands);
    } else if (connection->cut && !list_empty(&connection->commands)) {
        int64_t late_us = dice_between(&world->luck, 0, world->plan.policy.lock_expire_ms * 3000);
        tell(world, "  what a broken connection had swallowed comes to the server %lld us late", (long long)late_us);
        world_at(world, &connection->arrival, world->now_us + late_us, connection->arrival.run);
    }
    free_if_unused(world, connection);
}

bool connection_has_replies(const struct world *world, const struct connection *connection) {
    return !list_empty(&connection->replies) && first_due_us(&connection->replies) <= world->now_us;
}

const struct request *connection_oldest(const struct connection *connection) {
    const struct link_node *lists[] = { &connection->replies, &connection->commands };
    for (size_t i = 0; i < 2; i++)
        for (const struct link_node *node = lists[i]->next; node != lists[i]; node = node->next)
            if (list_entry(node, struct message, node)->origin != NULL)
                return list_entry(node, struct message, node)->origin;
    return NULL;
}

/* ---- what goes wrong, and what the server has to tell ---- */

void connection_cut(struct world *world, struct connection *connection, bool silent) {
    if (connection->cut)
        return;
    connection->cut = true;
    connection->watched = 0;
    world_cancel(world, &connection->arrival);
    if (connection->link == NULL) {
        free_all(world, &connection->commands);
        free_if_unused(world, connection);
        return;
    }
    bool arrives = !silent; /* of the replies that are on their way, the first few */
    for (struct link_node *node = connection->replies.next; node != &connection->replies; node = node->next) {
        struct message *message = list_entry(node, struct message, node);
        arrives = arrives && dice_chance(&world->luck, 700);
        if (!arrives)
            message->due_us = INT64_MAX;
    }
    if (!list_empty(&connection->replies))
        world_at(world, &connection->delivery, first_due_us(&connection->replies), connection->delivery.run);
    if (!silent)
        link_broken(world, connection->link);
}

void network_clear(struct world *world) {
    struct link_node *open = &world->network.open;
    while (!list_empty(open)) {
        struct connection *connection = list_entry(open->next, struct connection, node);
        free_all(world, &connection->commands);
        free_if_unused(world, connection);
    }
}

void network_cut_all(struct world *world, uint32_t member) {
    struct link_node *open = &world->network.open;
    for (struct link_node *node = open->next, *next; node != open; node = next) {
        next = node->next;
        struct connection *connection = list_entry(node, struct connection, node);
        if (connection->member == member)
            connection_cut(world, connection, false);
    }
}

void network_tell_broken(struct world *world) {
    struct link_node *open = &world->network.open;
    for (struct link_node *node = open->next; node != open; node = node->next) {
        const struct connection *connection = list_entry(node, struct connection, node);
        if (connection->cut && connection->link != NULL)
            link_broken(world, connection->link);
    }
}

void network_replicated(struct world *world) {
    struct link_node *open = &world->network.open;
    for (struct link_node *node = open->next; node != open; node = node->next) {
        struct connection *connection = list_entry(node, struct connection, node);
        const struct message *first = list_entry(connection->commands.next, struct message, node);
        bool waiting = !list_empty(&connection->commands) && first->executed;
        if (waiting && connection->arrival.node.queued && replica_has(&world->server, first->changed))
            world_at(world, &connection->arrival, world->now_us, connection->arrival.run);
    }
}

void network_changed(struct world *world, uint32_t key) {
    struct link_node *open = &world->network.open;
    for (struct link_node *node = open->next; node != open; node = node->next) {
        struct connection *connection = list_entry(node, struct connection, node);
        if ((connection->watched >> key & 1) == 0)
            continue;
        connection->watched &= ~(1u << key);
        struct message *message = message_new(world);
        if (message == NULL)
            return;
        message->push = true;
        message->key = key;
        reply_with(world, connection, message);
    }
}
