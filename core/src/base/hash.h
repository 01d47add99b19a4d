/* hash: XXH64 (Yann Collet, xxHash specification 0.1.1, "XXH64 algorithm description").  It is part of the wire
 * format: `meta` carries the hash of the value that it belongs to. */
#ifndef RESILICACHE_BASE_HASH_H
#define RESILICACHE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash64(const void *data, size_t size, uint64_t seed);

#endif
