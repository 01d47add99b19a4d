/* settle: until when loads of a key may read what was before its last invalidation, and how long it lives. */
#ifndef RESILICACHE_TESTS_SETTLE_H
#define RESILICACHE_TESTS_SETTLE_H

#include "network.h"

/* The command has been carried out, and left `entry` (NULL: none). */
void settle_check(struct world *world, struct record *record, const struct message *message,
                  const struct entry *entry);

#endif
