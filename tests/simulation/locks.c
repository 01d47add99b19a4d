/* What check.h says of locks: their fences, and that none stays that nobody wants. */
#include "check.h"

#include "resilicache.h"
#include "world.h"

bool check_is_given_up(const struct world *world, const struct message *message) {
    const struct request *request = message->origin;
    if (!plan_is_healthy(&world->plan) || request->reply_for != FOR_SLOT)
        return false;
    const struct slot *slot = request->target;
    return slot->op->kind == OP_UPDATE && slot->settled;
}

void check_lock_expired(struct world *world, uint32_t key) {
    const struct plan *plan = &world->plan;
    const struct holder *holder = &world->server.records[key].holder;
    int64_t held_us = world->now_us - holder->since_us;
    bool confirms = plan->policy.wait_replicas > 0; /* its unlocking stands behind what others wait for */
    if (holder->unwanted && !confirms && held_us > 60 * plan->latency_us + 25000)
        world_violate(world, "nobody's locks are given back: that of k%u, whose update was given up, was not", key);
    check_lock_ended(world, key, holder->number);
}

void check_fence(struct world *world, uint32_t key, int64_t fence) {
    struct check *check = &world->check;
    struct record *record = &world->server.records[key];
    if (fence <= record->fence)
        world_violate(world, "fences rise: a lock of k%u was granted with fence %lld, the one before with %lld", key,
                      (long long)fence, (long long)record->fence);
    record->fence = fence;
    if (check->fence_count == FENCES_MAX)
        world_violate(world, "too many locks: %d", FENCES_MAX);
    else
        check->fences[check->fence_count++] = (struct fence){ key, record->holder.number, fence };
}

/* Fences follow the server's clock where the entry was gone in between, or its history was lost. */
void check_fenced_commit(struct world *world, uint32_t key, int64_t fence) {
    struct check *check = &world->check;
    uint32_t lock = 0, *last = &check->keys[key].committed;
    for (uint32_t i = 0; i < check->fence_count; i++)
        if (check->fences[i].key == key && check->fences[i].fence == fence)
            lock = check->fences[i].lock;
    bool steady = world->server.set_ms == 0 && world->server.replacements == 0;
    if (lock < *last && steady)
        world_violate(world, "fences catch who was late: k%u was written under lock %u after lock %u", key, lock,
                      *last);
    *last = lock > *last ? lock : *last;
}

void check_unlocked(struct world *world, const struct message *message, bool held) {
    if (message->write == 0)
        return;
    struct write *write = &world->check.writes[message->write - 1];
    write->held = write->held || held;
    write->resent = write->resent || message->request.attempts > 1;
}
