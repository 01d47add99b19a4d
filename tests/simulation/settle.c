#include "settle.h"

#include "resilicache.h"
#include "world.h"

static void begin_load(struct record *record, int64_t now_ms) {
    if (now_ms >= record->settle_until_ms)
        record->settle_until_ms = 0;
}

static void check_put(struct world *world, struct record *record, const struct message *message,
                      const struct entry *entry) {
    const struct request *request = &message->request;
    if (record->settle_until_ms == 0 || request->version > 0 || request->settle_ms == 0)
        record->settle_until_ms = 0;
    else if (entry != NULL && entry->expires_ms > server_now_ms(world) + request->settle_ms)
        world_violate(world, "settle: what was loaded of k%u shortly after an invalidation is kept for long",
                      message->key);
}

void settle_check(struct world *world, struct record *record, const struct message *message,
                  const struct entry *entry) {
    const struct request *request = &message->request;
    enum verdict verdict = request->reply.status == RCACHE_OK ? request->reply.verdict : VERDICT_NONE;
    int64_t now_ms = server_now_ms(world), until_ms = now_ms + request->settle_ms;
    bool invalidated = request->verb == VERB_INVALIDATE || request->verb == VERB_UNLOCK;
    bool asks = request->verb == VERB_ACQUIRE || request->verb == VERB_REFRESH;
    bool stays_locked = record->holder.lock && request->verb == VERB_INVALIDATE;
    if (invalidated && verdict == VERDICT_DONE && request->bound_ms == 0 && !stays_locked)
        record->paused_ms = 0; /* it is made anew */
    if (invalidated && verdict == VERDICT_DONE && request->settle_ms > 0 && record->settle_until_ms < until_ms)
        record->settle_until_ms = until_ms;
    else if (asks && verdict == VERDICT_OWNED)
        begin_load(record, now_ms);
    else if (verdict == VERDICT_STORED)
        check_put(world, record, message, entry);
    else if (request->verb == VERB_SET)
        record->settle_until_ms = 0;
}
