/* record: what has become of a key, as far as the commands tell; kept without a look at how the entry is written. */
#ifndef RESILICACHE_TESTS_RECORD_H
#define RESILICACHE_TESTS_RECORD_H

#include "network.h"

/* There is no entry any more. */
void record_forget(struct world *world, struct record *record);
/* The command has been carried out, and left `entry` (NULL: none). */
void record_note(struct world *world, struct message *message, const struct entry *entry);
/* A line of the trace. */
void record_tell(struct world *world, uint32_t member, const struct message *message);

#endif
