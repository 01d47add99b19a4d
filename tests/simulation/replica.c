#include "replica.h"

#include "backend/memory/verbs.h"
#include "world.h"

static const struct change *first_lacking(const struct server *server) {
    return &server->changes[server->replicated % CHANGES_MAX];
}

/* What is too old to be taken back any more has arrived. */
static void catch_up(struct server *server) {
    uint32_t least = server->changed - server->kept;
    server->replicated = server->replicated > least ? server->replicated : least;
}

static void replicate(struct world *world, struct event *event) {
    struct server *server = &world->server;
    if (world->now_us < server->behind_us) {
        world_at(world, event, server->behind_us, event->run);
        return;
    }
    catch_up(server);
    while (server->replicated < server->changed && first_lacking(server)->made_us + world->plan.lag_us <= world->now_us)
        server->replicated++;
    network_replicated(world);
    replica_expect(world);
}

void replica_expect(struct world *world) {
    struct server *server = &world->server;
    catch_up(server);
    if (server->replicated < server->changed && !server->replication.node.queued)
        world_at(world, &server->replication, first_lacking(server)->made_us + world->plan.lag_us, replicate);
}

void replica_init(struct world *world) {
    world->server.replication.run = replicate;
}

void replica_resync(struct server *server) {
    server->replicated = server->changed;
}

void replica_fall_behind(struct world *world, int64_t until_us) {
    world->server.behind_us = until_us;
    replica_expect(world);
}

uint32_t replica_lacks(const struct server *server) {
    return server->changed - server->replicated;
}

bool replica_showed(const struct world *world, int64_t changed_us, int64_t at_us) {
    return changed_us + (world->plan.replica_reads ? 2 * world->plan.lag_us : 0) < at_us;
}

bool replica_has(const struct server *server, uint32_t changed) {
    return server->replicated >= changed;
}

const struct record *replica_peek(struct world *world, struct message *message) {
    struct server *server = &world->server;
    struct change *lacking = NULL;
    for (uint32_t i = server->replicated; i < server->changed && lacking == NULL; i++)
        if (server->changes[i % CHANGES_MAX].key == message->key)
            lacking = &server->changes[i % CHANGES_MAX];
    struct saved now = { .there = false };
    if (lacking == NULL)
        saved_take(&now, server, message->key);
    const struct saved *shown = lacking != NULL ? &lacking->before : &now;
    saved_put(shown, &server->view, message->key);
    verbs_execute(&server->view, &message->request, map_hash(&server->view.map, message->request.key),
                  server_now_ms(world));
    struct entry *entry = store_find(&server->view, key_slice(message->key), INT64_MIN);
    if (entry != NULL)
        store_remove(&server->view, entry);
    saved_clear(&now);
    return lacking != NULL ? &lacking->before.record : &server->records[message->key];
}
