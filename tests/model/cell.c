#include "model/cell.h"

static struct answer say(enum verdict verdict, int8_t value) {
    return (struct answer){ verdict, value };
}

static bool owned(const struct cell *cell, const struct ask *ask) {
    return cell->owner != NO_OWNER && (cell->owner == ask->owner || cell->owner == ask->previous);
}

static int8_t servable(const struct cell *cell) {
    return cell->mark == OVER ? NO_VALUE : cell->value;
}

static void drop_value(struct cell *cell) {
    cell->value = NO_VALUE;
    cell->history = 0;
    cell->mark = UNMARKED;
}

static void mark_unfresh(struct cell *cell) {
    if (cell->value != NO_VALUE && cell->mark == UNMARKED)
        cell->mark = RUNNING;
}

static void store(struct cell *cell, const struct ask *ask) {
    *cell = (struct cell){ .value = ask->value, .history = ask->history, .lease = UNLEASED, .owner = NO_OWNER };
}

static void void_cell(struct cell *cell, const struct rules *rules) {
    if (cell->mark == OVER && rules->first_bounds) {
        *cell = NO_CELL;
        return;
    }
    cell->lease = VOID;
    if (rules->voids)
        cell->owner = NO_OWNER;
    if (!rules->first_bounds)
        cell->mark = UNMARKED;
    mark_unfresh(cell);
}

bool cell_fresh(const struct cell *cell, const struct rules *rules, int8_t history) {
    return cell->value != NO_VALUE && cell->lease == UNLEASED && (!rules->epoch || cell->history == history);
}

static struct answer peek(const struct cell *cell, const struct rules *rules, const struct ask *ask) {
    if (cell->value == NO_VALUE)
        return say(VERDICT_MISS, NO_VALUE);
    return say(cell_fresh(cell, rules, ask->history) ? VERDICT_FRESH : VERDICT_UNFRESH, cell->value);
}

static struct answer acquire(struct cell *cell, const struct rules *rules, const struct ask *ask) {
    if (cell_fresh(cell, rules, ask->history))
        return say(VERDICT_FRESH, cell->value);
    if ((cell->lease == LEASED || cell->lease == LOCKED) && !owned(cell, ask))
        return say(VERDICT_BUSY, servable(cell));
    if (cell->lease != LOCKED)
        cell->lease = LEASED;
    cell->owner = ask->owner;
    mark_unfresh(cell);
    if (cell->mark == OVER)
        drop_value(cell);
    return say(VERDICT_OWNED, cell->value);
}

static struct answer put(struct cell *cell, const struct rules *rules, const struct ask *ask) {
    if (rules->owner_stores && !owned(cell, ask))
        return say(VERDICT_LOST, NO_VALUE);
    store(cell, ask);
    return say(VERDICT_STORED, NO_VALUE);
}

static struct answer renew(struct cell *cell, const struct ask *ask) {
    if (!owned(cell, ask))
        return say(VERDICT_LOST, NO_VALUE);
    if (cell->lease != LOCKED)
        cell->lease = LEASED;
    if (cell->mark == OVER)
        drop_value(cell);
    return say(VERDICT_OWNED, NO_VALUE);
}

static struct answer release(struct cell *cell, const struct ask *ask) {
    if (!owned(cell, ask) || cell->lease == LOCKED)
        return say(VERDICT_LOST, NO_VALUE);
    cell->lease = VOID;
    cell->owner = NO_OWNER;
    return say(VERDICT_DONE, NO_VALUE);
}

static bool exists(const struct cell *cell) {
    return cell->value != NO_VALUE || cell->lease != UNLEASED;
}

static struct answer invalidate(struct cell *cell, const struct rules *rules) {
    if (!exists(cell))
        return say(VERDICT_MISS, NO_VALUE);
    if (cell->lease == LOCKED && rules->lock_stays)
        mark_unfresh(cell);
    else
        void_cell(cell, rules);
    return say(VERDICT_DONE, NO_VALUE);
}

static struct answer lock(struct cell *cell, const struct rules *rules, const struct ask *ask) {
    if (cell->lease == LOCKED && !owned(cell, ask))
        return say(VERDICT_BUSY, NO_VALUE);
    cell->lease = LOCKED;
    cell->owner = ask->owner;
    if (ask->intent && rules->intents)
        drop_value(cell);
    return say(VERDICT_OWNED, NO_VALUE);
}

static struct answer unlock(struct cell *cell, const struct rules *rules, const struct ask *ask) {
    if (!rules->unlock_always && !owned(cell, ask))
        return say(VERDICT_DONE, NO_VALUE);
    if (cell->lease == LOCKED && !owned(cell, ask))
        return say(VERDICT_LOST, NO_VALUE);
    if (exists(cell))
        void_cell(cell, rules);
    return say(VERDICT_DONE, NO_VALUE);
}

struct answer cell_ask(struct cell *cell, const struct rules *rules, const struct ask *ask) {
    switch (ask->verb) {
    case VERB_PEEK:
    case VERB_WATCH: return peek(cell, rules, ask);
    case VERB_ACQUIRE: return acquire(cell, rules, ask);
    case VERB_PUT: return put(cell, rules, ask);
    case VERB_RENEW: return renew(cell, ask);
    case VERB_REFRESH: /* not in the model: no reader waits for one */
    case VERB_RELEASE: return release(cell, ask);
    case VERB_INVALIDATE: return invalidate(cell, rules);
    case VERB_LOCK: return lock(cell, rules, ask);
    case VERB_UNLOCK: return unlock(cell, rules, ask);
    case VERB_SET:
        store(cell, ask);
        return say(VERDICT_DONE, NO_VALUE);
    case VERB_DELETE:
        if (!exists(cell))
            return say(VERDICT_MISS, NO_VALUE);
        *cell = NO_CELL;
        return say(VERDICT_DONE, NO_VALUE);
    case VERB_RAW_SET: /* nobody in the model asks for these */
    case VERB_GET:
    case VERB_INSPECT:
    case VERB_WHERE:
    case VERB_PING: return say(VERDICT_NONE, NO_VALUE);
    }
    return say(VERDICT_NONE, NO_VALUE);
}

void cell_age(struct cell *cell) {
    if (cell->mark == RUNNING)
        cell->mark = OVER;
}
