/* blob: immutable bytes with a count of owners, so that a value is copied once however many callers it goes to. */
#ifndef RESILICACHE_BASE_BLOB_H
#define RESILICACHE_BASE_BLOB_H

#include "base/slice.h"

#include <stdint.h>

struct blob {
    _Atomic uint32_t owners;
    size_t size;
    char data[]; /* a NUL follows the bytes, so that a blob of text is a C string */
};

/* One owner, the caller; bytes to be filled in.  NULL for want of memory. */
struct blob *blob_new(size_t size);
struct blob *blob_copy(const void *data, size_t size);
/* Leaves the first `size` bytes, of a blob that nobody else looks at yet. */
void blob_cut(struct blob *blob, size_t size);
/* Threads: any.  Both take NULL. */
struct blob *blob_share(struct blob *blob);
static inline void blob_drop(struct blob *blob);

/* The blob's half of it. */
void blob_leave(struct blob *blob);

static inline void blob_drop(struct blob *blob) {
    if (blob != NULL)
        blob_leave(blob);
}

static inline struct slice blob_slice(const struct blob *blob) {
    return blob != NULL ? slice_of(blob->data, blob->size) : slice_of(NULL, 0);
}

#endif
