/* text: making messages, without a format string's surprises and without a locale. */
#ifndef RESILICACHE_BASE_TEXT_H
#define RESILICACHE_BASE_TEXT_H

#include "base/blob.h"

/* The parts, one behind the other; the last argument is NULL.  NULL for want of memory. */
struct blob *text_join(const char *first, ...);
/* The key for a message: printable ASCII as it is, other bytes as \xNN, cut with "..." past 64 characters. */
struct blob *text_of_key(struct slice key);

enum { TEXT_NUMBER_SIZE = 24 };
/* Decimal, into a buffer of TEXT_NUMBER_SIZE; returns it. */
const char *text_of_number(char *buffer, int64_t number);

#endif
