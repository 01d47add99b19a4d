/* The model's server is no third truth: for every entry that the model knows, the shipped backends answer each verb as
 * the model does, and leave what it leaves.  On memory, and on every server whose program is at hand. */
#include "model/target.h"
#include "resilicache.h"
#include "support/stores.h"

#include <inttypes.h>
#include <stdio.h>

enum { SHORT_MS = 10, LONG_MS = 600000, TRIES = 100 };

static const struct rules ALL = { true, true, true, true, true, true, true, true, true,
                                  true, true, true, true, true, true, true, true, true };
static const char *const OWNERS[] = { "", "A", "B", "A-2" };
static const char *const VERB_NAMES[] = { "peek", "watch",  "acquire", "refresh",
                                          "put",     "renew", "release", "invalidate",
                                          "lock", "unlock", "set",     "raw_set", "get",   "delete",  "inspect" };
static const char *const VERDICTS[] = { "none", "fresh", "unfresh", "miss", "owned", "busy", "stored",
                                        "lost", "outdated", "done" };
static const char *const LEASES[] = { "unleased", "void", "leased", "ended", "locked" };
static const char *const MARKS[] = { "unmarked", "running", "over" };

/* One question: what the model is asked, and how the backend is. */
struct question {
    struct ask ask;
    uint32_t attempts;
    struct grant grant;
    const char *text;
};

/* ---- the entry is made, by verbs alone ---- */

static bool carry_out(struct target *target, enum verb verb, int8_t history, int64_t life_ms, int64_t bound_ms) {
    bool stores = verb == VERB_SET || verb == VERB_RAW_SET;
    struct request request = { .verb = verb,
                               .key = target_key(),
                               .owner = slice_of_text("A"),
                               .value = stores ? blob_copy("0", 1) : NULL,
                               .life_ms = life_ms,
                               .bound_ms = bound_ms };
    bool done = target->execute(target, &request, history) && request.reply.status == RCACHE_OK;
    request_clear(&request);
    return done;
}

/* A value that has a mark, or none, below a lease of A. */
static bool make_leased(struct target *target, const struct cell *cell, int64_t bound_ms) {
    int64_t life_ms = cell->lease == ENDED ? SHORT_MS : LONG_MS;
    bool marked = cell->mark != UNMARKED;
    bool ok = !marked || (carry_out(target, VERB_SET, 0, LONG_MS, 0) &&
                          carry_out(target, VERB_INVALIDATE, 0, 0, bound_ms));
    ok = ok && carry_out(target, VERB_ACQUIRE, 0, life_ms, LONG_MS);
    if (cell->value != NO_VALUE && !marked) /* nothing else puts a value there and leaves the lease */
        ok = ok && carry_out(target, VERB_RAW_SET, 0, LONG_MS, 0);
    return ok && (cell->lease != VOID || carry_out(target, VERB_RELEASE, 0, 0, 0));
}

static bool make_locked(struct target *target, const struct cell *cell, int64_t bound_ms) {
    bool ok = cell->value == NO_VALUE || carry_out(target, VERB_SET, 0, LONG_MS, 0);
    ok = ok && carry_out(target, VERB_LOCK, 0, LONG_MS, 0);
    return ok && (cell->mark == UNMARKED || carry_out(target, VERB_INVALIDATE, 0, 0, bound_ms));
}

static bool make(struct target *target, const struct cell *cell) {
    int64_t bound_ms = cell->mark == OVER ? SHORT_MS : LONG_MS;
    bool ok = carry_out(target, VERB_DELETE, 0, 0, 0);
    switch ((enum lease_state)cell->lease) {
    case UNLEASED:
        ok = ok && (cell->value == NO_VALUE || carry_out(target, VERB_SET, cell->history, LONG_MS, 0));
        break;
    case VOID:
    case LEASED:
    case ENDED:
        ok = ok && make_leased(target, cell, bound_ms);
        break;
    case LOCKED:
        ok = ok && make_locked(target, cell, bound_ms);
        break;
    }
    if (cell->mark == OVER || cell->lease == ENDED)
        target->wait(target, SHORT_MS + 5);
    return ok;
}

/* ---- the same, there and here ---- */

/* The history counts for what is fresh, and a value that was not put has none. */
static bool same_cell(const struct cell *a, const struct cell *b) {
    return a->value == b->value && a->lease == b->lease && a->owner == b->owner && a->mark == b->mark &&
           (a->lease != UNLEASED || a->history == b->history);
}

static void print_cell(const char *what, const struct cell *cell) {
    fprintf(stderr, "  %-18s value %d, history %d, %s, owner '%s', %s\n", what, cell->value, cell->history,
            LEASES[cell->lease], cell->owner <= TOKEN_A2 ? OWNERS[cell->owner] : "?", MARKS[cell->mark]);
}

static void print_answer(const char *what, const struct answer *answer) {
    fprintf(stderr, "  %-18s %s, value %d\n", what, VERDICTS[answer->verdict], answer->value);
}

static bool ask_backend(struct target *target, const struct question *question, struct answer *answer) {
    const struct ask *ask = &question->ask;
    bool stores = ask->verb == VERB_PUT || ask->verb == VERB_SET;
    struct request request = { .verb = ask->verb,
                               .key = target_key(),
                               .owner = slice_of_text(question->attempts > 1 ? "A" : OWNERS[ask->owner]),
                               .value = stores ? blob_copy("1", 1) : NULL,
                               .grant = question->grant,
                               .attempts = question->attempts,
                               .intent = ask->intent,
                               .life_ms = LONG_MS,
                               .bound_ms = LONG_MS };
    bool done = target->execute(target, &request, ask->history) && request.reply.status == RCACHE_OK;
    answer->verdict = request.reply.verdict;
    answer->value = target_value(blob_slice(request.reply.value));
    request_clear(&request);
    return done;
}

/* Made, asked and read.  A machine that stood still in between makes another entry: then once more. */
static bool compare(struct target *target, const struct cell *before, const struct question *question) {
    struct cell made, after, expected = *before;
    int tries = 0;
    do
        if (!make(target, before) || !target->read(target, &made))
            return false;
    while (!same_cell(&made, before) && ++tries < TRIES);
    struct answer answer = { VERDICT_NONE, NO_VALUE };
    struct ask ask = question->ask;
    if (question->grant.epoch != 0)
        ask.owner = NO_OWNER; /* of a lease of another history */
    struct answer told = cell_ask(&expected, &ALL, &ask);
    bool same = ask_backend(target, question, &answer) && target->read(target, &after) && tries < TRIES &&
                answer.verdict == told.verdict && answer.value == told.value && same_cell(&after, &expected);
    if (same)
        return true;
    fprintf(stderr, "%s differs: %s%s by '%s', at history %d\n", target->name, VERB_NAMES[ask.verb], question->text,
            OWNERS[question->ask.owner], ask.history);
    print_cell("before, wanted:", before);
    print_cell("before:", &made);
    print_answer("the model answers:", &told);
    print_answer("it answers:", &answer);
    print_cell("the model leaves:", &expected);
    print_cell("it leaves:", &after);
    return false;
}

/* ---- all of them ---- */

static bool asks(struct target *target, const struct cell *cell, enum verb verb, int8_t history, int *count) {
    bool owned = verb != VERB_PEEK && verb != VERB_INVALIDATE && verb != VERB_SET && verb != VERB_DELETE;
    bool same = true;
    for (int8_t owner = owned ? TOKEN_A : NO_OWNER; same && owner <= (owned ? TOKEN_B : NO_OWNER); owner++)
        for (int intent = 0; same && intent <= (verb == VERB_LOCK ? 1 : 0); intent++) {
            struct question question = { .ask = { verb, owner, 1, history, NO_OWNER, intent == 1 },
                                         .text = intent == 1 ? " with an intent" : "" };
            same = compare(target, cell, &question);
            ++*count;
        }
    return same;
}

/* What only happens between servers. */
static bool asks_apart(struct target *target, const struct cell *cell, int8_t history, int *count) {
    const struct question questions[] = {
        { .ask = { VERB_ACQUIRE, TOKEN_A2, 0, history, TOKEN_A }, .attempts = 2, .text = " sent again" },
        { .ask = { VERB_PUT, TOKEN_A, 1, history, NO_OWNER }, .grant = { 1, 1 }, .text = " of another history" },
        { .ask = { VERB_RENEW, TOKEN_A, 0, history, NO_OWNER }, .grant = { 1, 1 }, .text = " of another history" },
    };
    bool same = true;
    for (size_t i = 0; same && i < sizeof questions / sizeof questions[0]; i++) {
        same = compare(target, cell, &questions[i]);
        ++*count;
    }
    return same;
}

static bool ask_all(struct target *target, const struct cell *cell, int *count) {
    static const enum verb verbs[] = { VERB_PEEK,       VERB_ACQUIRE, VERB_PUT,    VERB_RENEW, VERB_RELEASE,
                                       VERB_INVALIDATE, VERB_LOCK,    VERB_UNLOCK, VERB_SET,   VERB_DELETE };
    bool same = true;
    for (int8_t history = 0; history <= (target->has_histories ? 1 : 0); history++) {
        for (size_t i = 0; same && i < sizeof verbs / sizeof verbs[0]; i++)
            same = asks(target, cell, verbs[i], history, count);
        same = same && (!target->has_histories || asks_apart(target, cell, history, count));
    }
    return same;
}

/* Whether the model has such an entry. */
static bool possible(const struct cell *cell, const struct target *target) {
    if (cell->mark != UNMARKED && (cell->value == NO_VALUE || cell->lease == UNLEASED))
        return false;
    return cell->history == 0 || (target->has_histories && cell->value != NO_VALUE && cell->lease == UNLEASED);
}

static bool check(struct target *target) {
    int entries = 0, count = 0;
    bool same = true;
    for (int8_t value = NO_VALUE; same && value <= 0; value++)
        for (int8_t lease = UNLEASED; same && lease <= LOCKED; lease++)
            for (int8_t mark = UNMARKED; same && mark <= OVER; mark++)
                for (int8_t history = 0; same && history < 2; history++) {
                    struct cell cell = { value, history, lease, lease > VOID ? TOKEN_A : NO_OWNER, mark };
                    if (!possible(&cell, target))
                        continue;
                    entries++;
                    same = ask_all(target, &cell, &count);
                }
    if (same)
        printf("%s: %d entries, %d questions, no difference\n", target->name, entries, count);
    target->close(target);
    return same;
}

int main(void) {
    static struct store stores[STORES_MAX];
    struct target target;
    bool same = target_open_memory(&target) && check(&target);
    size_t count = stores_start(stores);
    for (size_t i = 1; same && i < count; i++) /* the first is memory */
        same = target_open_server(&target, stores[i].name, stores[i].port) && check(&target);
    stores_stop(stores, count);
    return same ? 0 : 1;
}
