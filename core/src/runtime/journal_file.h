/* journal_file: the journal's records in a file, so that they outlive the process.
 *
 * Eight bytes that say what it is, then records, only ever appended: a checksum, sizes, a kind, a key, an owner, a
 * version where there is one.  One of kind 0 says that the key's record is done with.  Each is written before the call
 * that it is about returns, and so survives the process; none is forced to the disk, so that a machine that fails may
 * lose the last of them.  A record that was cut off at the end is taken for not written; one that is damaged before
 * others that are whole is an error.
 *
 * Who has the file holds a lock on it (flock).  No thread safety of its own. */
#ifndef RESILICACHE_RUNTIME_JOURNAL_FILE_H
#define RESILICACHE_RUNTIME_JOURNAL_FILE_H

#include "base/buffer.h"
#include "resilicache.h"

struct journal_entry {
    uint32_t kind; /* enum journal_kind; 0: done with */
    struct slice key;
    struct slice owner; /* at most 255 bytes */
    int64_t version;    /* 0: none */
};

struct journal_file;

/* On success *file is to be closed, and *bytes (to be cleared) has what was found, for journal_next.  On failure *err
 * names the file, what is wrong with it, and what to do. */
int32_t journal_file_open(const char *path, struct journal_file **file, struct buffer *bytes, rcache_error *err);
void journal_file_close(struct journal_file *file); /* may be NULL */
/* The next entry, taken from the front; false: there is none. */
bool journal_next(struct slice *bytes, struct journal_entry *entry);

/* NULL, or why not, in words. */
const char *journal_file_append(struct journal_file *file, const struct journal_entry *entry);
/* Nothing is left in it. */
void journal_file_empty(struct journal_file *file);
/* So much is dead in it, `live` bytes being those of the records that count, that it is worth writing anew. */
bool journal_file_is_bloated(const struct journal_file *file, size_t live);
/* It has just these records from now on, each as journal_encode made it; or stays as it is. */
void journal_file_replace(struct journal_file *file, struct slice records);

bool journal_encode(struct buffer *out, const struct journal_entry *entry); /* false for want of memory */
size_t journal_encoded_size(const struct journal_entry *entry);

#endif
