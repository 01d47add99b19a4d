/* text: making messages, without a format string's surprises and without a locale. */
#ifndef RESILICACHE_BASE_TEXT_H
#define RESILICACHE_BASE_TEXT_H

#include "base/blob.h"

#include <stdbool.h>
#include <stdint.h>

/* The parts, one behind the other; the last argument is NULL.  NULL for want of memory. */
struct blob *text_join(const char *first, ...);
/* The key for a message: printable ASCII as it is, other bytes as \xNN, cut with "..." past 64 characters. */
struct blob *text_of_key(struct slice key);

enum { TEXT_HEX_SIZE = 16 };
/* Exactly TEXT_HEX_SIZE lower-case digits, no NUL behind them; returns the place behind the last. */
char *text_put_hex(char *at, uint64_t number);

enum { TEXT_NUMBER_SIZE = 24 };
/* Decimal, no NUL behind it, at most TEXT_NUMBER_SIZE; returns the place behind the last. */
char *text_put_number(char *at, uint64_t number);
/* Decimal, into a buffer of TEXT_NUMBER_SIZE; returns it. */
const char *text_of_number(char *buffer, int64_t number);
/* The number that these digits are, up to base 16, in lower case.  False: there is none, or it is too large. */
bool text_read_number(struct slice digits, unsigned base, uint64_t *number);

#endif
