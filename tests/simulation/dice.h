/* dice: what is left to chance in a run.  Every stream of numbers begins at a place of its own, so that what one of
 * them decides doesn't move the others: a run stays much the same when a part of it is taken out. */
#ifndef RESILICACHE_TESTS_DICE_H
#define RESILICACHE_TESTS_DICE_H

#include "base/random.h"

#include <stdbool.h>
#include <stddef.h>

enum { PER_MILLE = 1000 };

static inline struct random dice_for(uint64_t seed, uint64_t stream, uint64_t index) {
    struct random dice = { seed };
    dice.state = random_next(&dice) ^ (stream + 1) * 0xD1342543DE82EF95u;
    dice.state = random_next(&dice) ^ (index + 1) * 0xF1357AEA2E62A9C5u;
    return dice;
}

/* Below `count`, which is not 0. */
static inline uint64_t dice_below(struct random *dice, uint64_t count) {
    return random_next(dice) % count;
}

static inline int64_t dice_between(struct random *dice, int64_t least, int64_t most) {
    return least + (int64_t)dice_below(dice, (uint64_t)(most - least) + 1);
}

static inline bool dice_chance(struct random *dice, uint32_t per_mille) {
    return dice_below(dice, PER_MILLE) < per_mille;
}

#define dice_pick(dice, list) ((list)[dice_below(dice, sizeof(list) / sizeof(list)[0])])

#endif
