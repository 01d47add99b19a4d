/* slot: which of a cluster's 16,384 slots a key belongs to.  (Redis Cluster specification, "Key distribution model";
 * of a key with "{tag}" in it only the tag counts.) */
#ifndef RESILICACHE_BACKEND_REDIS_SLOT_H
#define RESILICACHE_BACKEND_REDIS_SLOT_H

#include "base/slice.h"

#include <stdint.h>

enum { SLOT_COUNT = 16384 };

uint16_t slot_of(struct slice key);

#endif
