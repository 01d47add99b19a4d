#include "check.h"

#include "resilicache.h"
#include "world.h"

#include <string.h>

void check_init(struct check *check) {
    memset(check, 0, offsetof(struct check, sources));
    for (uint32_t key = 0; key < KEYS_MAX; key++)
        check->keys[key].cap = UINT32_MAX;
}

/* ---- sources, grants, writes ---- */

uint32_t check_source(struct world *world, uint32_t key, uint32_t version, bool foreign, uint64_t began) {
    struct check *check = &world->check;
    if (check->source_count == SOURCES_MAX) {
        world_violate(world, "too many loads: %d", SOURCES_MAX);
        return 0;
    }
    check->sources[check->source_count] =
        (struct source){ .key = key, .version = version, .foreign = foreign, .began = began };
    return ++check->source_count;
}

struct source *check_source_of(struct world *world, const struct blob *value) {
    struct content content;
    if (value == NULL || value->size != sizeof content)
        return NULL;
    memcpy(&content, value->data, sizeof content);
    if (content.source == 0 || content.source > world->check.source_count)
        return NULL;
    return &world->check.sources[content.source - 1];
}

uint32_t check_write(struct world *world, uint32_t key, uint32_t version, struct slice owner) {
    struct check *check = &world->check;
    const struct holder *holder = &world->server.records[key].holder;
    if (check->write_count == WRITES_MAX) {
        world_violate(world, "too many writes: %d", WRITES_MAX);
        return 0;
    }
    bool holds = slice_equal(slice_of(holder->owner, holder->size), owner);
    check->writes[check->write_count] = (struct write){ .key = key, .version = version, .locks = owner.size > 0 };
    check->writes[check->write_count].lock = holds ? server_lock_number(world, key) : 0;
    check->writes[check->write_count].replacements = world->server.replacements;
    return ++check->write_count;
}

void check_granted(struct world *world, struct slice owner) {
    struct check *check = &world->check;
    if (check_grant_of(world, owner) != NULL)
        return;
    if (check->grant_count == GRANTS_MAX) {
        world_violate(world, "too many leases: %d", GRANTS_MAX);
        return;
    }
    struct granted *grant = &check->grants[check->grant_count++];
    *grant = (struct granted){ .owner = slice_of(grant->text, owner.size), .granted_us = world->now_us };
    memcpy(grant->text, owner.data, owner.size);
}

/* Mostly one of the last. */
struct granted *check_grant_of(struct world *world, struct slice owner) {
    struct check *check = &world->check;
    for (uint32_t i = check->grant_count; i-- > 0;)
        if (slice_equal(check->grants[i].owner, owner))
            return &check->grants[i];
    return NULL;
}

void check_write_executed(struct world *world, uint32_t number) {
    if (number > 0 && world->check.writes[number - 1].executed == 0)
        world->check.writes[number - 1].executed = world->step;
}

void check_write_over(struct world *world, uint32_t number) {
    if (number > 0)
        world->check.writes[number - 1].over = true;
}

static void require(struct check *check, uint32_t key, uint32_t version, uint64_t step) {
    if (version > check->keys[key].acked)
        check->keys[key].acked = version;
    if (step > check->keys[key].required)
        check->keys[key].required = step;
}

void check_lock_ended(struct world *world, uint32_t key, uint32_t number) {
    struct check *check = &world->check;
    for (uint32_t i = 0; i < check->write_count; i++) {
        const struct write *write = &check->writes[i];
        bool same = write->lock == number && write->replacements == world->server.replacements;
        if (!world->plan.trust && write->key == key && same)
            require(check, key, write->version, world->step);
    }
}

void check_write_acked(struct world *world, uint32_t number) {
    struct check *check = &world->check;
    if (number == 0)
        return;
    const struct write *write = &check->writes[number - 1];
    if (write->executed == 0) {
        world_violate(world, "v%u of k%u was reported, but never carried out", write->version, write->key);
        return;
    }
    require(check, write->key, write->version, write->executed);
}

/* ---- loads ---- */

/* The lease under which the flight loads; NULL: none. */
static struct granted *grant_of(struct world *world, const struct flight *flight) {
    char token[OWNER_SIZE_MAX];
    size_t size = token_write(token, flight->request.owner, flight->request.grant.attempt);
    return check_grant_of(world, slice_of(token, size));
}

/* Loads that need no lease, since they are not stored. */
static void check_past(struct world *world, struct process *process, const struct flight *flight) {
    uint32_t key = key_number(flight->node.key);
    world->check.past++;
    const struct plan *plan = &world->plan;
    bool may = connection_may_fail(plan) || plan_has(plan, FAULT_move) || plan_has(plan, FAULT_full);
    if (process->policy.server_down == SERVER_DOWN_FAIL || !may)
        world_violate(world, "k%u is loaded past the cache, and there is a server", key);
    else if (process->engine.loads_past > process->policy.down_loads_max)
        world_violate(world, "k%u is loaded past the cache as one of too many: %u", key, process->engine.loads_past);
}

void check_load_began(struct world *world, struct process *process, const struct load *load) {
    for (size_t i = 0; load->op->kind != OP_UPDATE && i < load->count; i++) {
        const struct flight *flight = load->items[i].flight;
        world->check.loads++;
        if (process->policy.disable_cache_read)
            continue;
        if (flight->past) {
            check_past(world, process, flight);
            continue;
        }
        struct granted *grant = grant_of(world, flight);
        if (grant == NULL || (grant->began != 0 && flight->outdated == 0)) {
            world_violate(world, "a lease for each load: k%u is loaded without one", key_number(flight->node.key));
            return;
        }
        grant->began = world->step;
        grant->running = true;
    }
}

void check_load_ended(struct world *world, const struct load *load) {
    for (size_t i = 0; load->op->kind != OP_UPDATE && i < load->count; i++) {
        const struct load_item *item = &load->items[i];
        struct granted *grant = grant_of(world, item->flight);
        if (grant == NULL)
            continue;
        grant->running = false;
        if (item->answer == ANSWER_NONE || item->answer == ANSWER_FAILED)
            grant->failed_us = world->now_us;
    }
}

/* ---- calls ---- */

/* That lives now; 0: none. */
static uint32_t intent_number(struct world *world, uint32_t key) {
    uint32_t lock = server_lock_number(world, key);
    return lock == world->server.records[key].intent ? lock : 0;
}

void check_call_begins(struct world *world, struct call *call) {
    struct check *check = &world->check;
    call->began_us = world->now_us;
    call->began = ++world->step;
    for (size_t i = 0; i < call->op->count; i++) {
        uint32_t key = call->keys[i];
        uint32_t acked = check->keys[key].acked; /* the rest a failover may take back that nobody notices */
        uint32_t seen = world->plan.trust ? 0 : check->keys[key].seen;
        call->floor[i] = acked > seen ? acked : seen;
        call->required[i] = check->keys[key].required;
        call->lock[i] = server_lock_number(world, key);
        call->intent[i] = intent_number(world, key);
        call->own[i] = call->process->written[key];
        call->replacements = world->server.replacements;
    }
}

static bool is_within_bound(const struct world *world, const struct source *source) {
    int64_t delay_ms = world->plan.policy.delay_ms;
    if (source->marked_us == 0)
        return false;
    /* Clocks differ by at most 2 %, show whole milliseconds, and the server's may have been set. */
    return world->now_us <= source->marked_us + delay_ms * 1020 + 2000 + world->server.set_ms * 1000;
}

/* A value may be older than a write that was reported before the fetch began. */
static bool may_be_stale(struct world *world, const struct call *call, const struct source *source) {
    uint32_t number = (uint32_t)(source - world->check.sources) + 1;
    if (source->foreign && world->server.replacements > 0)
        return true; /* what tells no epoch outlives its history */
    if (source->version >= world->check.keys[source->key].cap)
        return true;
    return is_within_bound(world, source) || world->check.carried == number || source->excused_us >= call->began_us;
}

/* Also in strong mode: it may see a write before the others do. */
static bool reads_past(const struct process *process) {
    return process->policy.disable_cache_read || process->policy.server_down == SERVER_DOWN_LOAD;
}

static void check_strong(struct world *world, struct call *call, size_t i, uint32_t version) {
    struct check *check = &world->check;
    uint32_t key = call->keys[i], cap = check->keys[key].cap;
    uint32_t floor = call->floor[i] < cap ? call->floor[i] : cap;
    if (plan_has(&world->plan, FAULT_lag))
        return;
    if (version < floor)
        world_violate(world, "strong: op %u returned v%u of k%u, but v%u had been %s before it began", call->number,
                      version, key, call->floor[i],
                      call->floor[i] > check->keys[key].acked ? "returned" : "reported or returned");
    if (!reads_past(call->process) && version > check->keys[key].seen)
        check->keys[key].seen = version;
    bool locked = call->lock[i] != 0 && call->lock[i] == server_lock_number(world, key) &&
                  call->replacements == world->server.replacements;
    if (locked && !reads_past(call->process))
        world_violate(world, "strong readers wait for a writer: op %u returned v%u of k%u under its lock",
                      call->number, version, key);
}

/* Within one history, of what its own process has written: the newest version that was acknowledged to it. */
static void check_own(struct world *world, const struct call *call, size_t i, const struct source *source) {
    bool excused = plan_has(&world->plan, FAULT_lag) || plan_has(&world->plan, FAULT_raw) || source->foreign ||
                   call->process->policy.disable_cache_read || world->server.replacements > 0 ||
                   world->server.set_ms > 0 || source->version >= world->check.keys[source->key].cap;
    if (world->plan.session && !excused && source->version < call->own[i])
        world_violate(world, "sessions: op %u returned v%u of k%u, but its own process had written v%u", call->number,
                      source->version, call->keys[i], call->own[i]);
}

/* Where one lived all the while there was nothing to be had, but by a load that began after the call had. */
static void check_intent(struct world *world, const struct call *call, size_t i, const struct source *source) {
    bool lived = call->intent[i] != 0 && call->intent[i] == intent_number(world, call->keys[i]) &&
                 call->replacements == world->server.replacements;
    if (lived && !world->plan.replica_reads && source->began < call->began)
        world_violate(world, "intents: op %u returned v%u of k%u, which a writer was about to replace", call->number,
                      source->version, call->keys[i]);
}

static void check_value(struct world *world, struct call *call, size_t i) {
    const struct slot *slot = &call->op->slots[i];
    const struct source *source = check_source_of(world, slot->value);
    uint32_t key = call->keys[i];
    if (source == NULL || source->key != key) {
        world_violate(world, "op %u returned what is no value of k%u", call->number, key);
        return;
    }
    if (call->op->kind != OP_FETCH || call->process->foreign)
        return;
    check_own(world, call, i, source);
    check_intent(world, call, i, source);
    if (call->op->strong && source->raw && !world->plan.trust) {
        world_violate(world, "strong: op %u returned what raw_set had put in as k%u", call->number, key);
    } else if (call->op->strong) {
        check_strong(world, call, i, source->version);
    } else if (source->began < call->required[i] && !may_be_stale(world, call, source)) {
        world_violate(world, "eventual: op %u returned v%u of k%u, from before a write that was reported before it "
                             "began, and not within `delay`", call->number, source->version, key);
    }
    if (call->process->policy.disable_cache_read && source->began < call->began)
        world_violate(world, "past the cache: op %u returned what was loaded before it began", call->number);
}

/* No version can be seen: any that says "absent" may be meant. */
static void check_absent(struct world *world, struct call *call, size_t i) {
    uint32_t key = call->keys[i];
    uint32_t cap = world->check.keys[key].cap;
    if (call->op->kind != OP_FETCH || call->process->foreign)
        return;
    bool strong = call->op->strong && !plan_has(&world->plan, FAULT_lag);
    uint32_t floor = !strong ? 1 : call->floor[i] < cap ? call->floor[i] : cap;
    if (!database_was_absent(&world->database, key, floor))
        world_violate(world, "op %u said that there is no k%u, which holds of no version from v%u on", call->number,
                      key, floor);
    else if (strong)
        check_strong(world, call, i, database_first_absent(&world->database, key, floor));
}

/* When the call began, its time was not over yet, or within the window for what it is. */
static void check_time(struct world *world, struct call *call, size_t i) {
    const struct slot *slot = &call->op->slots[i];
    const struct source *source = check_source_of(world, slot->value);
    const struct policy *policy = &world->plan.policy;
    bool cached = slot->outcome == RCACHE_HIT || slot->outcome == RCACHE_STALE;
    if (source == NULL || source->fresh_until_ms == 0 || source->fresh_until_ms == INT64_MAX || !cached ||
        call->op->kind != OP_FETCH)
        return;
    bool fails = !plan_is_healthy(&world->plan) || plan_has(&world->plan, FAULT_bad_load) ||
                 plan_has(&world->plan, FAULT_timeouts);
    int64_t window_ms = slot->outcome == RCACHE_HIT ? 0 : policy->stale_while_revalidate_ms;
    if (slot->outcome == RCACHE_STALE && fails && policy->stale_if_error_ms > window_ms)
        window_ms = policy->stale_if_error_ms;
    int64_t began_ms = server_now_ms(world) - (world->now_us - call->began_us) / 1000;
    if (began_ms > source->fresh_until_ms + window_ms + 2 + world->server.set_ms)
        world_violate(world, "time to live: op %u returned v%u of k%u, whose time was over before it began",
                      call->number, source->version, call->keys[i]);
}

static const char *outcome_name(int32_t outcome) {
    static const char *const names[] = { "failed", "hit", "loaded", "stale", "absent", "done" };
    return names[outcome];
}

/* Whether it was sent twice, and what the first sending found, its process can't know. */
static void check_update(struct world *world, const struct call *call) {
    const struct write *write = call->writes[0] > 0 ? &world->check.writes[call->writes[0] - 1] : NULL;
    if (write != NULL && !write->held && !write->resent)
        world_violate(world, "lost locks are told: op %u was told nothing of it", call->number);
}

static void check_slot(struct world *world, struct call *call, size_t i) {
    const struct slot *slot = &call->op->slots[i];
    struct check *check = &world->check;
    tell(world, "op %u of p%u: k%u is %s (%s)%s", call->number, call->process->number, call->keys[i],
         outcome_name(slot->outcome), rcache_status_name(slot->status), call->caller == NULL ? ", unheard" : "");
    check->outcomes[slot->outcome]++;
    if (slot->status != RCACHE_OK || slot->outcome == RCACHE_FAILED) {
        check->failures++;
        check_failure(world, call, i);
        return;
    }
    if (slot->outcome == RCACHE_STALE && call->op->strong)
        world_violate(world, "strong: op %u was given a stale value of k%u", call->number, call->keys[i]);
    if (call->op->kind == OP_UPDATE)
        check_update(world, call);
    if (slot->outcome == RCACHE_DONE || call->op->kind == OP_DELETE)
        check_write_acked(world, call->writes[i]);
    else if (slot->outcome == RCACHE_ABSENT)
        check_absent(world, call, i);
    else
        check_value(world, call, i);
    check_time(world, call, i);
}

void check_call(struct world *world, struct call *call) {
    for (size_t i = 0; i < call->op->count; i++)
        if (call->op->slots[i].settled && !call->checked[i]) {
            call->checked[i] = true;
            check_slot(world, call, i);
        }
}
