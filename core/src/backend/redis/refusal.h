/* refusal: what an error of the server means.  It is known by its first word, or by that word anywhere, where old
 * servers wrap what a script ran into. */
#ifndef RESILICACHE_BACKEND_REDIS_REFUSAL_H
#define RESILICACHE_BACKEND_REDIS_REFUSAL_H

#include "engine/verbs.h"

int32_t refusal_status(struct slice error);
/* Whether any write would be refused, and reads are not: for want of memory, of a disk, of replicas. */
bool refusal_of_writes(struct slice error);
/* Which form of asking the error calls for instead; 0: none. */
uint32_t refusal_form(enum verb verb, struct slice error);

#endif
