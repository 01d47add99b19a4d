/* writers: commit and invalidate, or lock, commit and unlock. */
#include "model/steps.h"

static void begins(struct steps *steps, const struct state *state, int index, bool locks) {
    struct step *step = step_from(steps, state);
    struct writer *writer = &step->to.writers[index];
    writer->phase = locks ? WRITER_LOCKS : WRITER_COMMITS;
    writer->locks = locks;
    step_say(step, locks ? "writer % begins, with a lock" : "writer % begins", index, 0, 0);
}

static void locks(struct steps *steps, const struct state *state, int index, int node) {
    const struct ask ask = {
        .verb = VERB_LOCK, .owner = writer_token(index), .intent = steps->setup->protocol->intents
    };
    size_t before = steps->count;
    struct answer answer;
    struct step *step = step_asks(steps, state, node, &ask, &answer);
    if (step == NULL)
        return;
    if (answer.verdict == VERDICT_BUSY) { /* it asks again once the other is done */
        steps->count = before;
        return;
    }
    step->to.writers[index].phase = WRITER_COMMITS;
    step_say(step, "writer % locks the key", index, 0, 0);
}

static void commits(struct steps *steps, const struct state *state, int index) {
    struct step *step = step_from(steps, state);
    struct writer *writer = &step->to.writers[index];
    writer->version = ++step->to.database;
    writer->phase = WRITER_INVALIDATES;
    if (!steps->setup->faults->lagging_database)
        step->to.replica = step->to.database;
    step_say(step, "writer % commits v%", index, writer->version, 0);
}

static void ends(struct step *step, int index, enum writer_phase phase) {
    struct writer *writer = &step->to.writers[index];
    if (phase == WRITER_DONE && writer->version > step->to.acknowledged)
        step->to.acknowledged = writer->version;
    bool locked = writer->locks;
    *writer = (struct writer){ .phase = (int8_t)phase };
    if (locked)
        state_retire_token(&step->to, writer_token(index));
}

static void invalidates(struct steps *steps, const struct state *state, int index, int node) {
    const struct writer *writer = &state->writers[index];
    const struct setup *setup = steps->setup;
    struct ask ask = { .verb = VERB_INVALIDATE };
    if (!setup->protocol->rules.leases)
        ask.verb = VERB_DELETE;
    if (writer->locks)
        ask = (struct ask){ .verb = VERB_UNLOCK, .owner = writer_token(index) };
    struct answer answer;
    struct step *step = step_asks(steps, state, node, &ask, &answer);
    if (step == NULL)
        return;
    if (answer.verdict == VERDICT_LOST) {
        step_say(step, "writer % unlocks: another writer has it locked by now", index, 0, 0);
        ends(step, index, WRITER_LOST);
        return;
    }
    if (setup->faults->wait_replicas && node != state->primary) {
        step_say(step, "writer % invalidates v% on the old primary, which no replica confirms", index, writer->version,
                 0);
        return;
    }
    if (setup->faults->wait_replicas && node == 0)
        step->to.nodes[1] = step->to.nodes[0];
    step_say(step, node == state->primary ? "writer % invalidates, acknowledged: v% is complete" :
                                            "writer % invalidates on the old primary, acknowledged: v% is complete",
             index, writer->version, 0);
    ends(step, index, WRITER_DONE);
}

static void dies(struct steps *steps, const struct state *state, int index) {
    if (state->budget.deaths == 0)
        return;
    struct step *step = step_from(steps, state);
    step->fault = true;
    step->to.budget.deaths--;
    step_say(step, "writer % dies before it invalidates", index, 0, 0);
    ends(step, index, WRITER_DEAD);
}

static void everywhere(struct steps *steps, const struct state *state, int index,
                       void (*act)(struct steps *steps, const struct state *state, int index, int node)) {
    for (int node = 0; node < NODES; node++)
        act(steps, state, index, node);
}

void steps_of_writers(struct steps *steps, const struct state *state) {
    const struct protocol *protocol = steps->setup->protocol;
    bool began = false; /* those that have not begun are alike */
    for (int i = 0; i < steps->setup->writers; i++)
        switch ((enum writer_phase)state->writers[i].phase) {
        case WRITER_IDLE:
            if (!began && protocol->invalidates)
                begins(steps, state, i, false);
            if (!began && protocol->locks)
                begins(steps, state, i, true);
            began = true;
            break;
        case WRITER_LOCKS:
            everywhere(steps, state, i, locks);
            break;
        case WRITER_COMMITS:
            commits(steps, state, i);
            break;
        case WRITER_INVALIDATES:
            everywhere(steps, state, i, invalidates);
            dies(steps, state, i);
            break;
        case WRITER_DONE:
        case WRITER_LOST:
        case WRITER_DEAD:
            break;
        }
}
