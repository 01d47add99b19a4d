/* position: where in the stream of changes something is, as its feeder says it.
 *
 * "0/16B3748"                an LSN of PostgreSQL: wal2json's `nextlsn`, the end of a transaction
 * "0/16B3748,0/16B3900"      Debezium on PostgreSQL: the commit before, and the change
 * "binlog.000003:154"        MySQL and MariaDB: file and offset
 * "line:17"                  the input is a file, and this is a number of a line in it */
#ifndef RESILICACHE_TOOLS_RELAY_POSITION_H
#define RESILICACHE_TOOLS_RELAY_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { POSITION_NAME_SIZE = 256, POSITION_TEXT_SIZE = 320 };

enum position_kind { POSITION_NONE, POSITION_LSN, POSITION_LSN_PAIR, POSITION_BINLOG, POSITION_LINE };

struct position {
    enum position_kind kind;
    char name[POSITION_NAME_SIZE]; /* binlog: of the file, without its number */
    uint64_t major, minor;
    int64_t committed_ms; /* by the database's clock, since 1970; 0: not told.  No part of where it is */
};

/* False: the text is no position. */
bool position_read(const char *text, struct position *position);
void position_write(const struct position *position, char text[POSITION_TEXT_SIZE]);
bool position_read_lsn(const char *text, uint64_t *lsn);
/* "binlog.000003" and an offset in it. */
bool position_of_binlog(const char *file, uint64_t offset, struct position *position);

bool position_same(const struct position *a, const struct position *b);
/* Whether `a` is `b` or before it; false where they can't be compared, as those of two servers. */
bool position_within(const struct position *a, const struct position *b);

#endif
