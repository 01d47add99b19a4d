/* deed: what a caller does next, drawn from a place of its own in the seed. */
#include "world.h"

static void draw_keys(struct deed *deed, const struct plan *plan, struct random *dice) {
    deed->count = dice_chance(dice, 300) ? 1 + (uint32_t)dice_below(dice, CALL_KEYS_MAX) : 1;
    for (uint32_t i = 0; i < CALL_KEYS_MAX; i++) /* the same one may come twice */
        deed->keys[i] = (uint32_t)dice_below(dice, plan->keys);
}

static enum deed_kind draw_write(const struct plan *plan, struct random *dice) {
    static const enum deed_kind mixed[] = { DEED_INVALIDATE, DEED_LOCK, DEED_DELETE, DEED_UPDATE };
    switch (plan->writers) {
    case WRITERS_INVALIDATE: return DEED_INVALIDATE;
    case WRITERS_LOCK: return dice_chance(dice, 500) ? DEED_LOCK : DEED_UPDATE;
    case WRITERS_SET: return dice_chance(dice, 700) ? DEED_SET : DEED_INVALIDATE;
    case WRITERS_MIXED: return dice_pick(dice, mixed);
    }
    return DEED_INVALIDATE;
}

static int64_t draw_gap_us(int64_t lease_ms, struct random *dice) {
    const int64_t most_us[] = { 300, 3000, lease_ms * 500, lease_ms * 500, lease_ms * 2000 };
    return dice_between(dice, 0, dice_pick(dice, most_us));
}

static void draw_deed(struct deed *deed, const struct plan *plan, struct random *dice) {
    int64_t lease_ms = plan->policy.lock_expire_ms;
    const int64_t deadlines[] = { 0, 0, lease_ms / 2, lease_ms * 2, lease_ms * 8 };
    *deed = (struct deed){ .kind = DEED_FETCH };
    draw_keys(deed, plan, dice);
    if (dice_chance(dice, plan->write_share))
        deed->kind = draw_write(plan, dice);
    else if (plan_has(plan, FAULT_raw) && !plan->trust && dice_chance(dice, 200))
        deed->kind = DEED_RAW_SET;
    else if (dice_chance(dice, 50))
        deed->kind = DEED_GET;
    deed->strong = dice_chance(dice, plan->strong_share);
    deed->refresh_inline = dice_chance(dice, plan->inline_share);
    deed->queue = dice_chance(dice, plan->queue_share);
    deed->wait = dice_chance(dice, 700);
    deed->renews = dice_chance(dice, 200);
    deed->sets = dice_chance(dice, 300);
    deed->silent = dice_chance(dice, 200);
    deed->tries = 1 + (uint32_t)dice_below(dice, 4);
    deed->deadline_ms = dice_pick(dice, deadlines);
    deed->lease_ms = dice_between(dice, 1, lease_ms * 4);
    deed->gap_us = draw_gap_us(lease_ms, dice);
    deed->think_us = draw_gap_us(lease_ms, dice);
    deed->leave_us = dice_chance(dice, 150) ? dice_between(dice, 1, lease_ms * 1500) : 0;
    deed->frees = dice_chance(dice, 500);
    deed->intent = dice_chance(dice, 400);
}

bool deed_next(struct caller *caller) {
    const struct process *process = caller->process;
    const struct world *world = process->world;
    const struct plan *plan = &world->plan;
    uint32_t number = process->number * CALLERS_MAX + caller->number;
    while (caller->deeds < plan->deeds && !world->calm) {
        uint32_t index = caller->deeds++;
        if ((plan->skipped_deeds[number] >> index & 1) != 0)
            continue;
        struct random dice = dice_for(plan->seed, 100 + number, index);
        draw_deed(&caller->deed, plan, &dice);
        bool frees = plan_has(plan, FAULT_abandon), cancels = plan_has(plan, FAULT_cancel);
        if (!(caller->deed.frees ? frees : cancels))
            caller->deed.leave_us = 0;
        return true;
    }
    return false;
}
