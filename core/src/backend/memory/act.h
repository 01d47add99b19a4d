/* act: one verb under way on one entry: what the entry is, and the parts that answers are made of. */
#ifndef RESILICACHE_BACKEND_MEMORY_ACT_H
#define RESILICACHE_BACKEND_MEMORY_ACT_H

#include "backend/memory/store.h"
#include "engine/verbs.h"

struct act {
    struct store *store;
    struct request *request;
    struct entry *entry; /* NULL: none */
    int64_t now_ms;
};

static inline int64_t time_later(int64_t now_ms, int64_t span_ms) {
    return span_ms < TIME_NEVER - now_ms ? now_ms + span_ms : TIME_NEVER;
}

static inline int64_t time_earlier(int64_t a_ms, int64_t b_ms) {
    return a_ms < b_ms ? a_ms : b_ms;
}

/* There is an entry; where there may be none, the function says so. */
bool act_is_fresh(const struct act *act);
/* Its time is over, and nothing has invalidated it. */
bool act_is_lapsed(const struct act *act);
bool act_is_owned(const struct act *act);             /* or none */
bool act_is_locked_by_another(const struct act *act); /* or none */
/* Whether the entry's lease keeps the asker from having one.  Or none. */
bool act_is_busy(const struct act *act);

/* The lease as text, as the answers tell it. */
void act_write_lease(const struct entry *entry, char text[LEASE_TEXT_MAX]);
void act_show_value(const struct act *act);
/* The same for readers, who hand out a copy of a small value where there is memory: to count one more owner is to write
 * to what other cores read. */
void act_show_copy(const struct act *act);
/* The value, if it may be served although it is not fresh, and for how long. */
void act_show_stale(const struct act *act);
enum verdict act_answer_busy(const struct act *act);
enum verdict act_answer_no_memory(const struct act *act);
enum verdict act_answer_too_large(const struct act *act);

#endif
