/* memory: the verbs over a table in this process.  Bounded, thread-safe, never blocks on anything but its own locks. */
#ifndef RESILICACHE_BACKEND_MEMORY_H
#define RESILICACHE_BACKEND_MEMORY_H

#include "engine/verbs.h"

struct memory;

/* bytes_max 0: unbounded.  NULL for want of memory. */
struct memory *memory_new(uint64_t bytes_max, uint64_t seed);
void memory_free(struct memory *memory);
/* Carries the verb out at the time now_ms of a monotonic clock and fills request->reply.  Threads: any. */
void memory_execute(struct memory *memory, struct request *request, int64_t now_ms);
/* Bytes held, keys and bookkeeping included; entries held.  Threads: any. */
uint64_t memory_bytes(struct memory *memory);
uint64_t memory_entries(struct memory *memory);

#endif
