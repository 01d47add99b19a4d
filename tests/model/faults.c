/* faults: what happens to a key, a server, a process without anybody's wish; and time. */
#include "model/steps.h"

#include <string.h>

/* Whose lease or lock it is, of `count` whose tokens begin at `first`; -1: nobody's any more. */
static int holder(const struct cell *cell, int first, int count) {
    int index = cell->owner - first;
    return index >= 0 && index < count ? index : -1;
}

/* A lease that nobody holds any more ends in time.  One whose holder lives, only where it can't renew it. */
static void lease_ends(struct steps *steps, const struct state *state, int node) {
    const struct setup *setup = steps->setup;
    const struct rules *rules = &setup->protocol->rules;
    int process = holder(&state->nodes[node], TOKEN_FLIGHT, setup->processes);
    if (process >= 0 && (state->flights[process].phase == FLIGHT_ASKS || state->flights[process].phase == FLIGHT_WAITS))
        process = -1; /* it does not know that it has the lease */
    bool works = process >= 0 && (state->flights[process].phase == FLIGHT_OWNS ||
                                  state->flights[process].phase == FLIGHT_HAS);
    bool slow = setup->faults->slow_loads && !rules->renews && works;
    bool taken = setup->faults->fast_clock && !rules->server_clock && process >= 0;
    bool paused = process >= 0 && state->budget.pauses > 0;
    if (!rules->lease_ends || (process >= 0 && !slow && !taken && !paused))
        return;
    struct step *step = step_from(steps, state);
    step->to.nodes[node].lease = ENDED;
    step->fault = process >= 0;
    if (process < 0) {
        step_say(step, "the lease ends, whose holder is gone", 0, 0, 0);
    } else if (slow || taken) {
        step_say(step, slow ? "@'s lease ends while it loads" : "to a clock ahead @'s lease has ended", process, 0, 0);
    } else {
        step->to.budget.pauses--;
        step_say(step, "@ is suspended, and its lease ends", process, 0, 0);
    }
}

/* Such a lock ends with the key. */
static void lock_ends(struct steps *steps, const struct state *state, int node) {
    int writer = holder(&state->nodes[node], TOKEN_WRITER, steps->setup->writers);
    if (!steps->setup->protocol->rules.lock_ends || (writer >= 0 && state->budget.pauses == 0))
        return;
    struct step *step = step_from(steps, state);
    step->to.nodes[node] = NO_CELL;
    step->fault = writer >= 0;
    if (writer >= 0)
        step->to.budget.pauses--;
    step_say(step, writer >= 0 ? "writer % is suspended, and its lock ends, and the key with it" :
                                 "the lock ends, whose holder is gone, and the key with it",
             writer, 0, 0);
}

static void is_evicted(struct steps *steps, const struct state *state, int node) {
    if (state->budget.evictions == 0 || memcmp(&state->nodes[node], &NO_CELL, sizeof NO_CELL) == 0)
        return;
    struct step *step = step_from(steps, state);
    step->fault = true;
    step->to.budget.evictions--;
    step->to.nodes[node] = NO_CELL;
    step_say(step, "the key is evicted", 0, 0, 0);
}

/* Nobody has found out yet that the value is of another history. */
static bool forgotten(const struct state *state) {
    const struct cell *cell = &state->nodes[state->primary];
    return cell->value != NO_VALUE && cell->history != state->primary && cell->mark == UNMARKED;
}

/* The time of a value of another history begins when it is first found to be one. */
static void time_passes(struct steps *steps, const struct state *state, bool again) {
    struct step *step = step_from(steps, state);
    const struct ask ask = { .verb = VERB_INVALIDATE };
    const struct rules *rules = &steps->setup->protocol->rules;
    step->fault = true;
    step->to.budget.delays--;
    for (int node = 0; node < NODES; node++) {
        bool ran = state->nodes[node].mark == RUNNING;
        if (again)
            cell_ask(&step->to.nodes[node], rules, &ask);
        if (ran && (!again || rules->first_bounds))
            cell_age(&step->to.nodes[node]);
    }
    for (int i = 0; i < PROCESSES_MAX; i++)
        step->to.flights[i].stale_ok = false;
    if (!forgotten(state))
        step->to.due = state->acknowledged;
    step_say(step, again ? "`delay` passes, and in the middle of it the key is invalidated once more; "
                           "nothing older than v% may be served" :
                           "`delay` passes; nothing older than v% may be served",
             step->to.due, 0, 0);
}

static void crashes(struct steps *steps, const struct state *state, int process) {
    if (state->budget.crashes == 0 || state->flights[process].phase == NO_FLIGHT)
        return;
    struct step *step = step_from(steps, state);
    step->fault = true;
    step->to.budget.crashes--;
    for (int i = 0; i < steps->setup->readers; i++) {
        struct reader *reader = &step->to.readers[i];
        if (reader->phase != READER_IDLE && reader->phase != READER_DONE && reader->process == process)
            *reader = (struct reader){ .phase = READER_DONE };
    }
    flight_close(&step->to, process);
    step_say(step, "@ is killed", process, 0, 0);
}

static bool send_late(struct state *state, enum verb verb, int8_t owner, int8_t value) {
    for (int i = 0; i < LATE_MAX; i++)
        if (state->late[i].verb == VERB_PEEK) {
            state->late[i] = (struct late){ (int8_t)verb, owner, value, state->primary };
            return true;
        }
    return false;
}

/* Who waits gets an error; or, where it was the caller who left, goes again.  The lease is given back late. */
static void load_fails(struct steps *steps, const struct state *state, int process, bool left) {
    int8_t phase = state->flights[process].phase;
    if (state->budget.failures == 0 || (phase != FLIGHT_OWNS && phase != FLIGHT_HAS))
        return;
    struct step *step = step_from(steps, state);
    struct state *to = &step->to;
    send_late(to, VERB_RELEASE, flight_token(process), 0);
    step->fault = true;
    to->budget.failures--;
    for (int i = 0; i < steps->setup->readers; i++) {
        struct reader *reader = &to->readers[i];
        if (reader->phase != READER_JOINED || reader->process != process)
            continue;
        if (left)
            reader_looks_again(reader);
        else
            *reader = (struct reader){ .phase = READER_DONE };
    }
    flight_close(to, process);
    step_say(step, left ? "in @ the caller that loads leaves; the others go again" : "@'s load fails", process, 0, 0);
}

/* The connection breaks while the request is under way, and it is sent again over another: one of them is late. */
static struct step *sent_again(struct steps *steps, const struct state *state, enum verb verb, int8_t owner,
                               int8_t value) {
    struct step *step = step_from(steps, state);
    step->fault = true;
    step->to.budget.repeats--;
    if (!send_late(&step->to, verb, owner, value)) {
        steps->count--;
        return NULL;
    }
    return step;
}

static void flight_sends_again(struct steps *steps, const struct state *state, int process) {
    const struct flight_state *flight = &state->flights[process];
    bool own_tokens = steps->setup->protocol->rules.own_tokens;
    if (flight->phase == FLIGHT_ASKS && flight->previous == NO_OWNER) {
        int8_t token = own_tokens ? state_new_token(state) : flight_token(process);
        struct step *step = sent_again(steps, state, VERB_ACQUIRE, token, 0);
        if (step == NULL)
            return;
        step->to.flights[process].previous = own_tokens ? token : NO_OWNER;
        step_say(step, "@'s connection breaks, and its acquire is sent again", process, 0, 0);
    }
    if (flight->phase == FLIGHT_PUTS) {
        struct step *step = sent_again(steps, state, VERB_PUT, flight_token(process), flight->loaded);
        if (step != NULL)
            step_say(step, "@'s connection breaks, and its put is sent again", process, 0, 0);
    }
}

static void writer_sends_again(struct steps *steps, const struct state *state, int index) {
    const struct writer *writer = &state->writers[index];
    enum verb verb = writer->phase == WRITER_LOCKS ? VERB_LOCK : writer->locks ? VERB_UNLOCK : VERB_INVALIDATE;
    if (writer->phase != WRITER_LOCKS && writer->phase != WRITER_INVALIDATES)
        return;
    if (!steps->setup->protocol->rules.leases)
        verb = VERB_DELETE;
    struct step *step = sent_again(steps, state, verb, writer->locks ? writer_token(index) : NO_OWNER, 0);
    if (step != NULL)
        step_say(step, "writer %'s connection breaks, and its request is sent again", index, 0, 0);
}

static void arrives_late(struct steps *steps, const struct state *state, int index) {
    static const char *const texts[] = {
        [VERB_ACQUIRE] = "an acquire is carried out late",
        [VERB_PUT] = "a put of v% is carried out late",
        [VERB_RELEASE] = "the lease is given back late",
        [VERB_INVALIDATE] = "an invalidation is carried out late",
        [VERB_LOCK] = "a lock is carried out late",
        [VERB_UNLOCK] = "an unlock is carried out late",
        [VERB_DELETE] = "a deletion is carried out late",
    };
    const struct late *late = &state->late[index];
    if (late->verb == VERB_PEEK)
        return;
    const struct ask ask = { .verb = (enum verb)late->verb, .owner = late->owner, .value = late->value };
    struct answer answer;
    struct step *step = step_asks(steps, state, late->node, &ask, &answer);
    if (step == NULL)
        step = step_from(steps, state); /* it went down with its server */
    step->to.late[index] = (struct late){ .verb = VERB_PEEK };
    state_forget_tokens(&step->to);
    step_say(step, texts[late->verb], ask.value, 0, 0);
}

/* What is served stale counts anew: how long a value had been invalidated may be forgotten, too. */
static void forget_due(struct state *state) {
    state->due = 0;
    for (int i = 0; i < READERS_MAX; i++)
        if (!state->readers[i].strong)
            state->readers[i].need_stale = 0;
}

static void fails_over(struct steps *steps, const struct state *state) {
    const struct faults *faults = steps->setup->faults;
    if (!faults->failover || state->primary == 1)
        return;
    if (memcmp(&state->nodes[0], &state->nodes[1], sizeof state->nodes[0]) != 0) {
        struct step *step = step_from(steps, state);
        step->to.nodes[1] = step->to.nodes[0];
        step_say(step, "the replica catches up", 0, 0, 0);
    }
    struct step *step = step_from(steps, state);
    step->fault = true;
    step->to.primary = 1;
    step->to.old_answers = faults->split_brain;
    forget_due(&step->to);
    if (!faults->split_brain)
        step->to.nodes[0] = NO_CELL;
    step_say(step, faults->split_brain ? "the replica becomes the primary, and the old one still answers" :
                                         "the primary dies, the replica takes over",
             0, 0, 0);
}

static void old_primary_ends(struct steps *steps, const struct state *state) {
    if (state->primary == 0 || !state->old_answers)
        return;
    struct step *step = step_from(steps, state);
    step->to.old_answers = false;
    step->to.nodes[0] = NO_CELL;
    step_say(step, "the old primary answers no more", 0, 0, 0);
}

static void database_catches_up(struct steps *steps, const struct state *state) {
    if (state->replica == state->database)
        return;
    struct step *step = step_from(steps, state);
    step->to.replica = state->database;
    step_say(step, "the database's replica catches up", 0, 0, 0);
}

void steps_of_faults(struct steps *steps, const struct state *state) {
    for (int node = 0; node < NODES; node++) {
        if (!node_answers(state, node))
            continue;
        if (state->nodes[node].lease == LEASED)
            lease_ends(steps, state, node);
        if (state->nodes[node].lease == LOCKED)
            lock_ends(steps, state, node);
        is_evicted(steps, state, node);
    }
    for (int process = 0; process < steps->setup->processes; process++) {
        crashes(steps, state, process);
        load_fails(steps, state, process, false);
        load_fails(steps, state, process, true);
    }
    for (int i = 0; i < steps->setup->processes && state->budget.repeats > 0; i++)
        flight_sends_again(steps, state, i);
    for (int i = 0; i < steps->setup->writers && state->budget.repeats > 0; i++)
        writer_sends_again(steps, state, i);
    for (int i = 0; i < LATE_MAX; i++)
        arrives_late(steps, state, i);
    if (state->budget.delays > 0 && steps->setup->protocol->rules.leases) {
        time_passes(steps, state, false);
        time_passes(steps, state, true);
    }
    fails_over(steps, state);
    old_primary_ends(steps, state);
    database_catches_up(steps, state);
}
