#include "server.h"

#include "backend/memory/verbs.h"
#include "backend/redis/redis.h"
#include "backend/redis/scripts.h"
#include "base/rule.h"
#include "base/text.h"
#include "record.h"
#include "settle.h"
#include "replica.h"
#include "resilicache.h"
#include "world.h"

#include <string.h>

enum { OFFSET_FIRST_MS = 1000000, SWEEP_US = 20000 };

static struct entry *entry_of(struct server *server, uint32_t key) {
    struct map_node *node = map_find(&server->store.map, key_slice(key));
    return node != NULL ? list_entry(node, struct entry, node) : NULL;
}

/* What has expired is removed when somebody asks for it, or now and then; who watches it is told. */
static void expire(struct world *world, uint32_t key, int64_t now_ms) {
    struct record *record = &world->server.records[key];
    bool was = record->valued || record->holder.size > 0 || record->paused_ms > 0 || record->version > 0 ||
               record->settle_until_ms > 0;
    if (!was || store_find(&world->server.store, key_slice(key), now_ms) != NULL)
        return;
    if (record->holder.lock)
        check_lock_expired(world, key);
    record_forget(world, record);
    network_changed(world, key);
}

static void sweep(struct world *world, struct event *event) {
    for (uint32_t key = 0; key < world->plan.keys; key++)
        expire(world, key, server_now_ms(world));
    world_at(world, event, world->now_us + SWEEP_US, sweep);
}

static void come_back(struct world *world, struct event *event) {
    struct member *member = event_owner(event, struct member, back);
    member->up = true;
    tell(world, "server %u is up, with another epoch", (uint32_t)(member - world->server.members));
}

bool server_init(struct world *world) {
    struct server *server = &world->server;
    *server = (struct server){ .offset_ms = OFFSET_FIRST_MS };
    for (uint32_t i = 0; i < world->plan.members; i++) {
        server->members[i] = (struct member){ .up = true, .life = 1, .epoch = random_next(&world->luck) | 1 };
        server->members[i].back.run = come_back;
    }
    cluster_init(world);
    world_at(world, &server->sweep, SWEEP_US, sweep);
    replica_init(world);
    return store_init(&server->store, random_next(&world->luck), &server->bytes, 0) &&
           store_init(&server->view, random_next(&world->luck), &server->bytes, 0);
}

int64_t server_now_ms(const struct world *world) {
    return world->now_us / 1000 + world->server.offset_ms;
}

void server_set_clock(struct world *world, int64_t by_ms) {
    world->server.offset_ms += by_ms;
    world->server.set_ms += by_ms < 0 ? -by_ms : by_ms;
}

/* ---- the history of writes ---- */

void saved_clear(struct saved *saved) {
    blob_drop(saved->value);
    blob_drop(saved->owner);
}

void saved_take(struct saved *saved, struct server *server, uint32_t key) {
    const struct entry *entry = entry_of(server, key);
    *saved = (struct saved){ .there = entry != NULL, .record = server->records[key] };
    if (entry == NULL)
        return;
    saved->value = blob_share(entry->value);
    saved->owner = blob_share(entry->owner);
    saved->expires_ms = entry->expires_ms;
    saved->lease_until_ms = entry->lease_until_ms;
    saved->fresh_until_ms = entry->fresh_until_ms;
    saved->serve_until_ms = entry->serve_until_ms;
    saved->refresh_until_ms = entry->refresh_until_ms;
    saved->load_ms = entry->load_ms;
    saved->lease = entry->lease;
    saved->version = entry->version;
    saved->settle_until_ms = entry->settle_until_ms;
    saved->failures = entry->failures;
    saved->absent = entry->absent;
}

void saved_put(const struct saved *saved, struct store *store, uint32_t key) {
    if (!saved->there)
        return;
    struct entry *entry = store_add(store, key_slice(key));
    store_set_value(store, entry, blob_share(saved->value));
    store_set_owner(store, entry, blob_share(saved->owner));
    entry->expires_ms = saved->expires_ms;
    entry->lease_until_ms = saved->lease_until_ms;
    entry->fresh_until_ms = saved->fresh_until_ms;
    entry->serve_until_ms = saved->serve_until_ms;
    entry->refresh_until_ms = saved->refresh_until_ms;
    entry->load_ms = saved->load_ms;
    entry->lease = saved->lease;
    entry->version = saved->version;
    entry->settle_until_ms = saved->settle_until_ms;
    entry->failures = saved->failures;
    entry->absent = saved->absent;
}

/* The key is about to change. */
static void save(struct world *world, uint32_t key) {
    struct server *server = &world->server;
    struct change *change = &server->changes[server->changed++ % CHANGES_MAX];
    if (server->kept < CHANGES_MAX)
        server->kept++;
    else if (change->key != KEYS_MAX)
        saved_clear(&change->before);
    change->key = key;
    change->place = server->places[key];
    change->made_us = world->now_us;
    saved_take(&change->before, server, key);
    replica_expect(world);
}

static void remove_entry(struct server *server, uint32_t key) {
    struct entry *entry = entry_of(server, key);
    if (entry != NULL)
        store_remove(&server->store, entry);
}

static void drop_change(struct change *change) {
    if (change->key != KEYS_MAX)
        saved_clear(&change->before);
    change->key = KEYS_MAX;
}

static void take_back(struct server *server, struct change *change) {
    struct saved *before = &change->before;
    remove_entry(server, change->key);
    server->records[change->key] = before->record;
    saved_put(before, &server->store, change->key);
}

void server_clear(struct world *world) {
    for (uint32_t i = 1; i <= world->server.kept; i++)
        drop_change(&world->server.changes[(world->server.changed - i) % CHANGES_MAX]);
    store_clear(&world->server.store);
    store_clear(&world->server.view);
}

void server_evict(struct world *world, uint32_t key) {
    struct server *server = &world->server;
    if (entry_of(server, key) == NULL)
        return;
    tell(world, "server drops k%u", key);
    save(world, key);
    remove_entry(server, key);
    record_forget(world, &server->records[key]);
    network_changed(world, key);
}

void server_stop(struct world *world, uint32_t number, int64_t after_us) {
    struct member *member = &world->server.members[number];
    member->up = false;
    member->demoted = false;
    member->scripts = 0;
    member->life++;
    cluster_begin_history(world, number);
    world->server.replacements++;
    network_cut_all(world, number);
    world_at(world, &member->back, world->now_us + after_us, member->back.run);
}

void server_take_back(struct world *world, uint32_t member, uint32_t lost) {
    struct server *server = &world->server;
    for (uint32_t i = 1; i <= server->kept; i++) {
        struct change *change = &server->changes[(server->changed - i) % CHANGES_MAX];
        bool mine = change->key != KEYS_MAX && change->place == member && server->places[change->key] == member;
        if (mine && lost > 0)
            take_back(server, change);
        lost -= mine && lost > 0;
        if (change->key != KEYS_MAX && change->place == member)
            drop_change(change);
    }
}

void server_replace(struct world *world, uint32_t member, uint32_t lost, bool empty, int64_t after_us) {
    struct server *server = &world->server;
    if (empty)
        tell(world, "server %u is gone; who comes in its place has nothing", member);
    else
        tell(world, "server %u is gone; who comes in its place lacks the last %u writes", member, lost);
    server_stop(world, member, after_us);
    server_take_back(world, member, empty ? 0 : lost);
    for (uint32_t key = 0; empty && key < KEYS_MAX; key++)
        if (server->places[key] == member) {
            remove_entry(server, key);
            record_forget(world, &server->records[key]);
        }
    replica_resync(server);
}

void server_move_key(struct world *world, uint32_t key, uint32_t member) {
    struct server *server = &world->server;
    save(world, key);
    server->places[key] = member;
    save(world, key);
    struct change *arrival = &server->changes[(server->changed - 1) % CHANGES_MAX]; /* nothing was there before */
    saved_clear(&arrival->before);
    arrival->before = (struct saved){ .record = { .voided = server->records[key].voided } };
    network_changed(world, key);
}

bool server_has_entry(struct world *world, uint32_t key) {
    const struct entry *entry = entry_of(&world->server, key);
    return entry != NULL && !entry_expired(entry, server_now_ms(world));
}

/* ---- what only a server has: epochs, want of memory ---- */

static uint64_t told_epoch(const struct message *message) {
    return message->foreign ? 0 : message->epoch;
}

/* As acquire.lua has it. */
bool server_knows_epoch(const struct message *message, const struct record *record) {
    uint64_t epoch = told_epoch(message);
    if (epoch == 0 || record->epoch == epoch)
        return true;
    return record->epoch == 0 ? !RULE(acquire_unknown_epoch, message->request.strong)
                              : !RULE(acquire_other_epoch, true);
}

static bool is_seen(const struct request *request, const struct entry *entry) {
    char digits[TEXT_NUMBER_SIZE];
    return slice_equal(request->seen, slice_of_text(text_of_number(digits, entry->lease_until_ms)));
}

/* A value of another history is as one that was invalidated. */
static void apply_epoch(const struct message *message, const struct record *record, struct entry *entry,
                        int64_t now_ms) {
    const struct request *request = &message->request;
    if (request->verb != VERB_ACQUIRE || entry == NULL || entry->value == NULL || server_knows_epoch(message, record))
        return;
    bool lapsed = entry->fresh_until_ms <= now_ms && entry->serve_until_ms == TIME_NEVER;
    bool own = entry->owner != NULL && slice_equal(blob_slice(entry->owner), request->owner);
    bool ignored = is_seen(request, entry) || (entry->owner == NULL && request->strong);
    bool free = entry->lease == LEASE_UNTIL && (own || ignored || entry->lease_until_ms <= now_ms);
    if (entry->lease == LEASE_NONE || (lapsed && free))
        entry->lease = LEASE_VOID;
}

/* As acquire.lua has it: what the attempt before was given is the asker's. */
static void take_over_own(struct server *server, const struct message *message, struct record *record,
                          struct entry *entry) {
    char token[OWNER_SIZE_MAX];
    const struct request *request = &message->request;
    if (request->verb != VERB_ACQUIRE || request->attempts < 2 || entry == NULL || entry->owner == NULL)
        return;
    struct slice previous = slice_of(token, token_write(token, slice_of(request->owner.data, TOKEN_SIZE),
                                                        request->attempts - 1));
    if (!slice_equal(blob_slice(entry->owner), previous))
        return;
    store_set_owner(&server->store, entry, blob_copy(request->owner.data, request->owner.size));
    memcpy(record->holder.owner, request->owner.data, request->owner.size);
    record->holder.size = request->owner.size;
}

/* As reply.c has it. */
static void tell_epoch(struct message *message, const struct record *record, int64_t now_ms) {
    struct reply *reply = &message->request.reply;
    bool lapsed = reply->lapsed && record->fresh_until_ms <= now_ms;
    if (lapsed && !server_knows_epoch(message, record)) { /* it may have been invalidated, and that been forgotten */
        reply->lapsed = false;
        if (reply->verdict == VERDICT_BUSY) {
            blob_drop(reply->value);
            reply->value = NULL;
            reply->absent = false;
        }
    }
    uint64_t epoch = told_epoch(message);
    bool peeks = message->request.verb == VERB_PEEK || message->request.verb == VERB_WATCH;
    reply->grant = (struct grant){ epoch, message->request.attempts };
    if (epoch == 0 || (!peeks && message->request.verb != VERB_ACQUIRE))
        return;
    reply->epoch_unknown = peeks ? record->epoch == 0 : record->epoch != epoch;
    if (peeks && reply->verdict == VERDICT_FRESH && record->epoch != 0 &&
        RULE(peek_other_epoch, record->epoch != epoch))
        reply->verdict = VERDICT_UNFRESH;
}

/* True: it has no memory for it, or does another thing instead. */
static bool is_full(struct world *world, struct message *message, const struct record *record) {
    struct request *request = &message->request;
    if (!verb_changes(request->verb) || !world_has(world, FAULT_full) || !dice_chance(&world->luck, 100))
        return false;
    bool locked = record->holder.lock;
    bool invalidates = request->verb == VERB_INVALIDATE || request->verb == VERB_UNLOCK;
    if ((invalidates && locked) || request->verb == VERB_DELETE)
        return false;
    if (invalidates) {
        request->verb = VERB_DELETE;
        return false;
    }
    request->reply = (struct reply){ .status = RCACHE_E_SERVER, .refused = true };
    return true;
}

/* ---- a command ---- */

/* By the replica. */
static void look(struct world *world, struct message *message) {
    tell_epoch(message, replica_peek(world, message), server_now_ms(world));
    struct source *source = check_source_of(world, message->request.reply.value);
    if (source != NULL)
        source->excused_us = world->now_us;
}

static void execute(struct world *world, struct message *message) {
    struct server *server = &world->server;
    struct request *request = &message->request;
    struct record *record = &server->records[message->key];
    enum verb verb = request->verb;
    int64_t now_ms = RULE(server_clock, true) ? server_now_ms(world) : message->sender_ms;
    expire(world, message->key, now_ms);
    if (is_full(world, message, record))
        return;
    if (verb_changes(verb))
        save(world, message->key);
    take_over_own(server, message, record, entry_of(server, message->key));
    apply_epoch(message, record, entry_of(server, message->key), now_ms);
    if (verb == VERB_REFRESH && !server_knows_epoch(message, record))
        request->reply.verdict = VERDICT_LOST;
    else
        verbs_execute(&server->store, request, map_hash(&server->store.map, request->key), now_ms);
    request->verb = verb;
    tell_epoch(message, record, now_ms);
    settle_check(world, &server->records[message->key], message, entry_of(server, message->key));
    record_note(world, message, entry_of(server, message->key));
    enum verdict verdict = request->reply.verdict;
    if (verb_changes(verb) && (verdict == VERDICT_OWNED || verdict == VERDICT_STORED || verdict == VERDICT_DONE))
        network_changed(world, message->key);
}

void server_takes_scripts(struct world *world, uint32_t member) {
    world->server.members[member].scripts = UINT32_MAX;
}

uint64_t server_epoch(const struct world *world, uint32_t key) {
    return world->server.members[world->server.places[key]].epoch;
}

bool server_refuses(struct world *world, uint32_t member, const struct message *message, char refusal[REFUSAL_MAX]) {
    const struct request *request = &message->request;
    if (cluster_refuses(world, member, message, refusal))
        return true;
    bool known = (world->server.members[member].scripts >> request->verb & 1) != 0;
    if (known || script_of(request->verb, false) == NULL || (request->form & FORM_WHOLE) != 0)
        return false;
    snprintf(refusal, REFUSAL_MAX, "NOSCRIPT No matching script.");
    return true;
}

/* By whichever server is asked. */
static void tell_map(struct world *world, uint32_t member, struct message *message) {
    message->request.reply.verdict = VERDICT_FRESH;
    message->request.reply.value = cluster_map(world, member);
}

void server_execute(struct world *world, uint32_t member, struct message *message) {
    world->step++;
    world->server.members[member].scripts |= 1u << message->request.verb;
    if (message->request.verb == VERB_WHERE)
        tell_map(world, member, message);
    else if (message->replica)
        look(world, message);
    else
        execute(world, message);
    if (world->telling != TELL_NOTHING)
        record_tell(world, member, message);
}

uint32_t server_lock_number(struct world *world, uint32_t key) {
    const struct record *record = &world->server.records[key];
    const struct entry *entry = entry_of(&world->server, key);
    bool lives = entry != NULL && !entry_expired(entry, server_now_ms(world)) && record->holder.lock;
    return lives ? record->holder.number : 0;
}
