/* reader: bytes as RESP values, by hiredis' parser and our own objects.  What a value is made of lies in an arena that
 * the next value reuses, so that a small reply costs no allocation. */
#ifndef RESILICACHE_BACKEND_REDIS_READER_H
#define RESILICACHE_BACKEND_REDIS_READER_H

#include "backend/redis/redis.h"

struct reader;

struct reader *reader_new(void); /* NULL for want of memory */
void reader_free(struct reader *reader);
bool reader_feed(struct reader *reader, const void *data, size_t size); /* false for want of memory */
/* 1: *resp is the next value, until the next call; 0: more bytes are needed; -1: no sense, or no memory. */
int reader_next(struct reader *reader, const struct resp **resp);
/* After reader_next has returned 0, in the middle of a text of 16 KiB and more: how many of its bytes are still to
 * come.  0 anywhere else.  They are copied once, straight to where they stay. */
size_t reader_missing(const struct reader *reader);
/* It went wrong for want of memory, not for what was sent. */
bool reader_starved(const struct reader *reader);
const char *reader_error(const struct reader *reader);

#endif
