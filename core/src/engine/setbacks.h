/* setbacks: the keys whose loads have failed lately in this process, each with a pause during which eventual callers
 * don't load it again.  Only where the fleet is not told of pauses (retry_after_shared=no); else they are in the store.
 *
 * Each failure doubles the pause, until a load succeeds or the key is forgotten: a pause after the end of the last, or
 * when too many others have failed since. */
#ifndef RESILICACHE_ENGINE_SETBACKS_H
#define RESILICACHE_ENGINE_SETBACKS_H

#include "base/list.h"
#include "base/map.h"
#include "engine/policy.h"

struct setbacks {
    struct map map;
    struct link_node order; /* the one to be forgotten next comes first */
};

/* False for want of memory. */
bool setbacks_init(struct setbacks *setbacks, uint64_t seed);
void setbacks_clear(struct setbacks *setbacks);

/* The load of the key has failed.  For want of memory there is no pause. */
void setbacks_note(struct setbacks *setbacks, struct slice key, const struct policy *policy, int64_t now_ms);
void setbacks_forget(struct setbacks *setbacks, struct slice key);
/* How long not to load it; 0: it may be. */
int64_t setbacks_left_ms(const struct setbacks *setbacks, struct slice key, int64_t now_ms);

/* The pause after so many failures, the last of them included. */
int64_t pause_after_failures(const struct policy *policy, uint32_t failures);

#endif
