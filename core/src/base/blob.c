#include "base/blob.h"

#include "base/alloc.h"

#include <stdatomic.h>

struct blob *blob_new(size_t size) {
    if (size > SIZE_MAX - sizeof(struct blob) - 1)
        return NULL;
    struct blob *blob = mem_alloc(sizeof *blob + size + 1);
    if (blob == NULL)
        return NULL;
    atomic_init(&blob->owners, 1);
    blob->size = size;
    blob->data[size] = '\0';
    return blob;
}

struct blob *blob_copy(const void *data, size_t size) {
    struct blob *blob = blob_new(size);
    if (blob != NULL && size > 0)
        memcpy(blob->data, data, size);
    return blob;
}

void blob_cut(struct blob *blob, size_t size) {
    blob->size = size;
    blob->data[size] = '\0';
}

struct blob *blob_share(struct blob *blob) {
    if (blob != NULL)
        atomic_fetch_add_explicit(&blob->owners, 1, memory_order_relaxed);
    return blob;
}

/* Where there is one owner, it is the caller, and another can't come. */
void blob_leave(struct blob *blob) {
    if (atomic_load_explicit(&blob->owners, memory_order_acquire) == 1 ||
        atomic_fetch_sub_explicit(&blob->owners, 1, memory_order_acq_rel) == 1)
        mem_free(blob);
}
