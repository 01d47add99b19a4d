/* replica: the server that takes over when a primary is lost.  It has the primary's changes, but for the last ones; it
 * may be asked for what it has, and a writer may wait until it has what he wrote (WAIT). */
#ifndef RESILICACHE_TESTS_REPLICA_H
#define RESILICACHE_TESTS_REPLICA_H

#include "server.h"

void replica_init(struct world *world);
/* The primary has made another change. */
void replica_expect(struct world *world);
/* Another process is the primary, and the replica has all of it. */
void replica_resync(struct server *server);
/* It gets nothing more until then. */
void replica_fall_behind(struct world *world, int64_t until_us);
/* How many changes would be lost with the primary. */
uint32_t replica_lacks(const struct server *server);
/* It has what the primary had when that many changes had been made. */
bool replica_has(const struct server *server, uint32_t changed);
/* Whether who looks at that time sees what changed then, also where he looks at the replica. */
bool replica_showed(const struct world *world, int64_t changed_us, int64_t at_us);
/* Carries a peek out, and fills in message->request.reply.  Returns the record that goes with what it found. */
const struct record *replica_peek(struct world *world, struct message *message);

#endif
