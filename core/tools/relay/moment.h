/* moment: when something was, as PostgreSQL writes it: 2026-03-27 11:58:28.988414-02, or +05:30 at its end. */
#ifndef RESILICACHE_TOOLS_RELAY_MOMENT_H
#define RESILICACHE_TOOLS_RELAY_MOMENT_H

#include <stdint.h>

/* In milliseconds since 1970; 0: the text is NULL or tells none. */
int64_t moment_read(const char *text);

#endif
