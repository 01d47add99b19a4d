#include "runtime/breaker.h"

#include "engine/pause.h"

static void open_for_a_pause(struct breaker *breaker, int64_t pause_ms, int64_t now_ms, struct random *random) {
    breaker->pause_ms = pause_ms;
    breaker->until_ms = now_ms + pause_jittered(pause_ms, random);
    breaker->state = BREAKER_OPEN;
}

/* How many of the window's requests failed is only looked at when there are enough to tell. */
static bool failed_too_often(const struct breaker *breaker, const struct breaker_rules *rules) {
    uint64_t all = breaker->answered - breaker->window_answered + breaker->window_failed;
    return all >= BREAKER_WINDOW_LEAST && (double)breaker->window_failed >= rules->rate * (double)all;
}

bool breaker_failed(struct breaker *breaker, const struct breaker_rules *rules, int64_t now_ms, struct random *random) {
    if (breaker->state != BREAKER_CLOSED || rules->failures == 0)
        return false;
    if (breaker->window_failed == 0 || now_ms - breaker->window_ms >= BREAKER_WINDOW_MS) {
        breaker->window_ms = now_ms;
        breaker->window_answered = breaker->answered;
        breaker->window_failed = 0;
    }
    breaker->window_failed++;
    if (++breaker->in_a_row < rules->failures && !failed_too_often(breaker, rules))
        return false;
    breaker->since_ms = now_ms;
    open_for_a_pause(breaker, rules->pause_ms, now_ms, random);
    return true;
}

bool breaker_takes_probe(struct breaker *breaker, int64_t now_ms) {
    if (breaker->state != BREAKER_OPEN || now_ms < breaker->until_ms)
        return false;
    breaker->state = BREAKER_PROBING;
    return true;
}

void breaker_probed(struct breaker *breaker, const struct breaker_rules *rules, bool answered, int64_t now_ms,
                    struct random *random) {
    if (breaker->state != BREAKER_PROBING)
        return;
    if (answered) {
        breaker->in_a_row = 0;
        breaker->window_failed = 0;
        breaker->state = BREAKER_CLOSED;
        return;
    }
    int64_t longest_ms = rules->pause_ms > BREAKER_PAUSE_MAX_MS ? rules->pause_ms : BREAKER_PAUSE_MAX_MS;
    open_for_a_pause(breaker, pause_doubled(breaker->pause_ms, longest_ms), now_ms, random);
}

void breaker_unprobed(struct breaker *breaker, int64_t now_ms) {
    if (breaker->state != BREAKER_PROBING)
        return;
    breaker->until_ms = now_ms;
    breaker->state = BREAKER_OPEN;
}
