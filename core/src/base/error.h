/* error: filling in the caller's rcache_error. */
#ifndef RESILICACHE_BASE_ERROR_H
#define RESILICACHE_BASE_ERROR_H

#include "resilicache.h"

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
/* Returns status; `err` may be NULL.  A message that is too long is cut at a whole UTF-8 character. */
int32_t error_set(rcache_error *err, int32_t status, const char *format, ...);

#endif
