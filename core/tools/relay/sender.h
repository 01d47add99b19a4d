/* sender: invalidates a batch of keys in one go, those of the same version by one op. */
#ifndef RESILICACHE_TOOLS_RELAY_SENDER_H
#define RESILICACHE_TOOLS_RELAY_SENDER_H

#include "relay/event.h"
#include "relay/keys.h"
#include "resilicache.h"

struct sender {
    rcache *cache;
    rcache_queue *queue; /* made when it is first wanted */
    uint64_t invalidated;
    size_t passed_over; /* keys of the last try that hold a value of another kind: nothing to invalidate */
    struct why why_passed_over; /* of one of them */
};

/* Tries once, and leaves in the batch what failed: the status of the first such key, with `why`.  Bounded by the ops'
 * deadline. */
int32_t sender_try(struct sender *sender, struct keys *keys, struct why *why);
void sender_free(struct sender *sender);

#endif
