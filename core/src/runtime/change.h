/* change: options that may be set while the cache is open: those by which an operator takes programs off the cache, and
 * puts them back. */
#ifndef RESILICACHE_RUNTIME_CHANGE_H
#define RESILICACHE_RUNTIME_CHANGE_H

#include "resilicache.h"

/* RCACHE_E_INVALID for an option that can't be changed, RCACHE_E_MISUSE for one that must wait for the other. */
int32_t change_option(rcache *cache, const char *name, const char *value, rcache_error *err);

#endif
