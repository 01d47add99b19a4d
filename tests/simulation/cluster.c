#include "cluster.h"

#include "backend/redis/slot.h"
#include "backend/redis/where.h"
#include "base/rule.h"
#include "network.h"
#include "world.h"

#include <stdio.h>

static struct cluster *cluster_of(struct world *world) {
    return &world->server.cluster;
}

static uint32_t slot_number(uint32_t key) {
    return key % SLOTS;
}

static uint16_t slot_named(uint32_t number) {
    return slot_of(key_slice(number));
}

/* ---- what is said ---- */

/* News travel slowly between those whom they don't concern. */
static uint32_t believed_owner(const struct world *world, uint32_t member, uint32_t number) {
    const struct slot_state *slot = &world->server.cluster.slots[number];
    bool knows = member == slot->owner || member == slot->before || world->now_us >= slot->known_us;
    return knows ? slot->owner : slot->before;
}

struct blob *cluster_map(const struct world *world, uint32_t member) {
    char text[SLOTS * 40];
    int size = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        uint32_t owner = believed_owner(world, member, i);
        size += snprintf(text + size, sizeof text - (size_t)size, "%u %u s%u %u\n", slot_named(i), slot_named(i), owner,
                         owner + 1);
    }
    return blob_copy(text, (size_t)size);
}

static void redirect(char refusal[REFUSAL_MAX], const char *how, uint32_t number, uint32_t member) {
    snprintf(refusal, REFUSAL_MAX, "%s %u s%u:%u", how, slot_named(number), member, member + 1);
}

static bool is_down(const struct world *world) {
    for (uint32_t i = 0; i < SLOTS; i++)
        if (!world->server.members[world->server.cluster.slots[i].owner].up)
            return true;
    return false;
}

/* A slot is on its way: its keys are where they are, or are made where it goes. */
static bool refuses_on_the_way(struct world *world, uint32_t member, const struct message *message,
                               char refusal[REFUSAL_MAX]) {
    uint32_t number = slot_number(message->key);
    struct slot_state *slot = &cluster_of(world)->slots[number];
    bool there = server_has_entry(world, message->key) && world->server.places[message->key] == member;
    if (member == slot->owner && !there) {
        redirect(refusal, "ASK", number, slot->target);
        return true;
    }
    /* Also for a command that was sent there so late that the slot comes a second time. */
    bool elsewhere = server_has_entry(world, message->key) && !there;
    bool again = elsewhere || (!world->calm && dice_chance(&world->luck, 100));
    if (again)
        snprintf(refusal, REFUSAL_MAX, "TRYAGAIN Multiple keys request during rehashing of slot");
    else
        world->server.places[message->key] = member;
    return again;
}

bool cluster_refuses(struct world *world, uint32_t member, const struct message *message, char refusal[REFUSAL_MAX]) {
    uint32_t number = slot_number(message->key);
    const struct slot_state *slot = &cluster_of(world)->slots[number];
    if (world->plan.members == 1 || message->request.verb == VERB_WHERE)
        return false;
    bool imports = slot->moving && member == slot->target && message->request.asking;
    bool refused = true;
    if (is_down(world))
        snprintf(refusal, REFUSAL_MAX, "CLUSTERDOWN The cluster is down");
    else if (member != slot->owner && !imports)
        redirect(refusal, "MOVED", number, believed_owner(world, member, number));
    else
        refused = slot->moving && refuses_on_the_way(world, member, message, refusal);
    cluster_of(world)->refusals += refused;
    return refused;
}

/* ---- what clients have to have heard ---- */

/* docs/guarantees.md: when a server is the primary again, each client has learnt in between that it was none, or its
 * connections are gone. */
static bool has_heard(const struct process *process, uint32_t member) {
    const struct node *server = NULL;
    for (uint32_t i = 0; i < SLOTS; i++) {
        server = topology_server(&process->topology, key_slice(i));
        if (server != NULL && server->address.port == member + 1)
            return false;
    }
    return server != NULL;
}

static void cut_who_has_not_heard(struct world *world, uint32_t member) {
    for (uint32_t i = 0; i < world->plan.processes; i++) {
        struct process *process = &world->processes[i];
        for (uint32_t j = 0; process->alive && !has_heard(process, member) && j < LINKS; j++)
            if (process->links[member][j].connection != NULL)
                connection_cut(world, process->links[member][j].connection, false);
    }
}

static void give(struct world *world, uint32_t number, uint32_t member) {
    struct slot_state *slot = &cluster_of(world)->slots[number];
    slot->before = slot->owner;
    slot->owner = member;
    slot->known_us = world->now_us + dice_between(&world->luck, 0, world->plan.policy.lock_expire_ms * 1000);
}

/* ---- a slot moves ---- */

static bool is_busy(const struct world *world, uint32_t member) {
    const struct cluster *cluster = &world->server.cluster;
    if (cluster->takeover.node.queued && (cluster->from == member || cluster->to == member))
        return true;
    for (uint32_t i = 0; i < SLOTS; i++) {
        const struct slot_state *slot = &cluster->slots[i];
        if (slot->moving && (slot->owner == member || slot->target == member))
            return true;
    }
    return !world->server.members[member].up;
}

static bool has_slots(const struct world *world, uint32_t member) {
    for (uint32_t i = 0; i < SLOTS; i++)
        if (world->server.cluster.slots[i].owner == member)
            return true;
    return false;
}

static void go_on(struct world *world, struct slot_state *slot) {
    int64_t us = dice_between(&world->luck, 0, world->plan.policy.lock_expire_ms * 300);
    world_at(world, &slot->step, world->now_us + (world->calm ? 0 : us), slot->step.run);
}

static void step(struct world *world, struct event *event) {
    struct slot_state *slot = event_owner(event, struct slot_state, step);
    uint32_t number = (uint32_t)(slot - cluster_of(world)->slots);
    for (uint32_t key = number; key < KEYS_MAX; key += SLOTS)
        if (world->server.places[key] != slot->target && server_has_entry(world, key)) {
            tell(world, "k%u goes from server %u to server %u", key, slot->owner, slot->target);
            server_move_key(world, key, slot->target);
            go_on(world, slot);
            return;
        }
    tell(world, "slot %u is server %u's", number, slot->target);
    for (uint32_t key = number; key < KEYS_MAX; key += SLOTS)
        world->server.places[key] = slot->target;
    slot->moving = false;
    give(world, number, slot->target);
}

void cluster_move(struct world *world, struct random *dice) {
    uint32_t number = (uint32_t)dice_below(dice, SLOTS);
    struct slot_state *slot = &cluster_of(world)->slots[number];
    uint32_t target = (uint32_t)dice_below(dice, world->plan.members);
    if (dice_chance(dice, 300)) /* back to where it was */
        for (target = 0; target + 1 < world->plan.members && (slot->hosts >> target & 1) == 0;)
            target++;
    const struct member *member = &world->server.members[target];
    /* docs/guarantees.md: what it stored may come back as it was before an invalidation that is forgotten. */
    bool outlived = RULE(who_was_outlived_gets_no_slot_back, (slot->outlived >> target & 1) != 0);
    bool can = !slot->moving && slot->owner != target && !member->demoted && member->up && !outlived;
    bool replaced = cluster_of(world)->takeover.node.queued;
    if (!can || replaced || !world->server.members[slot->owner].up)
        return;
    tell(world, "slot %u begins to move from server %u to server %u", number, slot->owner, target);
    slot->moving = true;
    slot->target = target;
    slot->hosts |= 1u << target;
    cluster_of(world)->moves++;
    go_on(world, slot);
}

/* ---- one takes over from another ---- */

void cluster_begin_history(struct world *world, uint32_t member) {
    world->server.members[member].epoch = random_next(&world->luck) | 1;
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct slot_state *slot = &cluster_of(world)->slots[i];
        slot->hosts &= ~(1u << member);
        slot->hosts |= (uint32_t)(slot->owner == member) << member;
        slot->outlived &= ~(1u << member);
    }
}

static void take_over(struct world *world, struct event *event) {
    struct cluster *cluster = event_owner(event, struct cluster, takeover);
    struct member *to = &world->server.members[cluster->to];
    tell(world, "server %u takes over from server %u, without its last %u writes", cluster->to, cluster->from,
         cluster->lost);
    server_take_back(world, cluster->from, cluster->lost);
    for (uint32_t i = 0; i < SLOTS; i++)
        if (cluster->slots[i].owner == cluster->from) {
            cluster->slots[i].outlived = cluster->slots[i].hosts;
            give(world, i, cluster->to);
        }
    for (uint32_t key = 0; key < KEYS_MAX; key++)
        if (world->server.places[key] == cluster->from)
            world->server.places[key] = cluster->to;
    if (RULE(who_has_not_heard_is_cut_off, true))
        cut_who_has_not_heard(world, cluster->to);
    to->demoted = false;
    cluster_begin_history(world, cluster->to);
    world->server.replacements++;
}

void cluster_fail_over(struct world *world, struct random *dice, uint32_t lost, int64_t after_us) {
    struct cluster *cluster = cluster_of(world);
    uint32_t from = (uint32_t)dice_below(dice, world->plan.members);
    uint32_t to = (uint32_t)dice_below(dice, world->plan.members);
    bool lives = dice_chance(dice, 500);
    if (cluster->takeover.node.queued || from == to || is_busy(world, from) || is_busy(world, to) ||
        !has_slots(world, from) || has_slots(world, to))
        return;
    cluster->from = from;
    cluster->to = to;
    cluster->lost = lost;
    if (lives) {
        struct member *member = &world->server.members[from];
        take_over(world, &cluster->takeover);
        member->demoted = true;
        cluster_begin_history(world, from);
        return;
    }
    tell(world, "server %u is gone", from);
    server_stop(world, from, 2 * after_us);
    world_at(world, &cluster->takeover, world->now_us + after_us, cluster->takeover.run);
}

uint32_t cluster_bystander(const struct world *world, struct random *dice) {
    uint32_t member = (uint32_t)dice_below(dice, world->plan.members);
    return is_busy(world, member) ? MEMBERS_MAX : member;
}

void cluster_hurry(struct world *world) {
    struct cluster *cluster = cluster_of(world);
    if (cluster->takeover.node.queued)
        world_at(world, &cluster->takeover, world->now_us, cluster->takeover.run);
}

void cluster_init(struct world *world) {
    struct cluster *cluster = cluster_of(world);
    cluster->takeover.run = take_over;
    for (uint32_t i = 0; i < SLOTS; i++) {
        uint32_t owner = (uint32_t)dice_below(&world->luck, world->plan.members);
        cluster->slots[i] = (struct slot_state){ .owner = owner, .before = owner, .hosts = 1u << owner,
                                                  .step = { .run = step } };
        for (uint32_t key = i; key < KEYS_MAX; key += SLOTS)
            world->server.places[key] = owner;
    }
}
