/* inspect: an entry as a text of "name value" lines, for people. */
#ifndef RESILICACHE_BACKEND_MEMORY_INSPECT_H
#define RESILICACHE_BACKEND_MEMORY_INSPECT_H

#include "backend/memory/store.h"

/* One owner, the caller; NULL for want of memory. */
struct blob *inspect_entry(const struct entry *entry, int64_t now_ms);

#endif
