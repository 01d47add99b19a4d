/* version: the newest version that a key has been told of, beside what the server answers about it. */
#ifndef RESILICACHE_TESTS_VERSION_H
#define RESILICACHE_TESTS_VERSION_H

#include "network.h"

/* Whether it was older than what is known, and nothing was done.  That, and nothing else, is refused. */
bool version_refuses(struct world *world, struct record *record, const struct message *message);

#endif
