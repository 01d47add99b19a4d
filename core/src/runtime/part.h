/* part: where a URL is cut, and what its parts say once they are decoded. */
#ifndef RESILICACHE_RUNTIME_PART_H
#define RESILICACHE_RUNTIME_PART_H

#include "base/slice.h"
#include "resilicache.h"

/* The bytes before the first that is one of `stops`; *text is left with the rest. */
struct slice part_take_until(struct slice *text, const char *stops);
/* False if `c` does not occur; otherwise what is before its last occurrence, and what is behind. */
bool part_split_at_last(struct slice text, char c, struct slice *before, struct slice *behind);
void part_drop_first(struct slice *text);
/* Nothing but letters, digits and `others`. */
bool part_holds_only(struct slice text, const char *others);
/* Percent-decoded: at most text.size bytes and a NUL; returns where to go on, or NULL for what is no %XX or is %00. */
char *part_decode(struct slice text, char *to);
int32_t part_decode_failed(const char *part, rcache_error *err);
/* A decoded copy, the caller's to free, also on failure; `part` names it in messages. */
int32_t part_copy_decoded(struct slice text, const char *part, char **copy, rcache_error *err);

#endif
