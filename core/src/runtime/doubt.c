#include "runtime/doubt.h"

#include "base/clock.h"

/* Hits come by here: nothing is written but for a longer one. */
void doubt_note_life(struct doubt *doubt, int64_t life_ms) {
    int64_t longest_ms = atomic_load_explicit(&doubt->longest_ms, memory_order_relaxed);
    while (life_ms > longest_ms && !atomic_compare_exchange_weak(&doubt->longest_ms, &longest_ms, life_ms))
        ;
}

void doubt_begin(struct doubt *doubt, const struct policy *policy, int64_t now_ms) {
    int64_t windows_ms = policy->stale_while_revalidate_ms + policy->stale_if_error_ms;
    doubt->until_ms = now_ms + doubt->longest_ms + windows_ms;
}

int64_t doubt_left_ms(const struct doubt *doubt) {
    int64_t until_ms = atomic_load_explicit(&doubt->until_ms, memory_order_relaxed);
    int64_t left_ms = until_ms > 0 ? until_ms - clock_now_ms() : 0;
    return left_ms > 0 ? left_ms : 0;
}
