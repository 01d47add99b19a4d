/* verbs: what each verb does to an entry of the store, and what it answers. */
#ifndef RESILICACHE_BACKEND_MEMORY_VERBS_H
#define RESILICACHE_BACKEND_MEMORY_VERBS_H

#include "backend/memory/store.h"
#include "engine/verbs.h"

/* Fills request->reply.  The caller holds the store's lock, alone for a verb that changes something.  `hash`: of the
 * key, in the store's map. */
void verbs_execute(struct store *store, struct request *request, uint64_t hash, int64_t now_ms);

#endif
