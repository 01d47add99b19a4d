#define _DEFAULT_SOURCE
#include "runtime/journal_file.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char MAGIC[] = { 'r', 'c', 'j', 'r', 'n', 'l', '1', '\n' };

enum { SUM_SIZE = 8, FIXED_SIZE = SUM_SIZE + 8, VERSION_SIZE = 8, KIND_MAX = 3 };
enum { BLOATED_SIZE = 64 * 1024, BLOATED_TIMES = 4 };

struct journal_file {
    int fd;
    size_t size;
    size_t bloated_size; /* not written anew below */
    bool broken;         /* what is at its end is not known */
    char failure[96];
    char path[];
};

/* ---- records ---- */

static void put_number(char *at, uint64_t number, size_t size) {
    for (size_t i = 0; i < size; i++)
        at[i] = (char)(number >> 8 * i);
}

static uint64_t number_at(const char *at, size_t size) {
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number |= (uint64_t)(unsigned char)at[i] << 8 * i;
    return number;
}

static size_t version_size(const struct journal_entry *entry) {
    return entry->version > 0 ? VERSION_SIZE : 0;
}

size_t journal_encoded_size(const struct journal_entry *entry) {
    return FIXED_SIZE + entry->key.size + entry->owner.size + version_size(entry);
}

bool journal_encode(struct buffer *out, const struct journal_entry *entry) {
    size_t size = journal_encoded_size(entry);
    char *at = buffer_reserve(out, size);
    if (at == NULL)
        return false;
    put_number(at + SUM_SIZE, entry->key.size, 4);
    put_number(at + SUM_SIZE + 4, entry->kind, 1);
    put_number(at + SUM_SIZE + 5, entry->owner.size, 1);
    put_number(at + SUM_SIZE + 6, version_size(entry), 1);
    put_number(at + SUM_SIZE + 7, 0, 1);
    if (entry->key.size > 0)
        memcpy(at + FIXED_SIZE, entry->key.data, entry->key.size);
    if (entry->owner.size > 0)
        memcpy(at + FIXED_SIZE + entry->key.size, entry->owner.data, entry->owner.size);
    put_number(at + FIXED_SIZE + entry->key.size + entry->owner.size, (uint64_t)entry->version, version_size(entry));
    put_number(at, hash64(at + SUM_SIZE, size - SUM_SIZE, 0), SUM_SIZE);
    out->size += size;
    return true;
}

bool journal_next(struct slice *bytes, struct journal_entry *entry) {
    if (bytes->size < FIXED_SIZE)
        return false;
    const char *at = bytes->data;
    size_t key_size = number_at(at + SUM_SIZE, 4), owner_size = number_at(at + SUM_SIZE + 5, 1);
    size_t told_size = number_at(at + SUM_SIZE + 6, 1), texts_size = key_size + owner_size;
    entry->kind = (uint32_t)number_at(at + SUM_SIZE + 4, 1);
    bool fits = bytes->size - FIXED_SIZE >= texts_size && bytes->size - FIXED_SIZE - texts_size >= told_size;
    bool known = entry->kind <= KIND_MAX && (told_size == 0 || told_size == VERSION_SIZE);
    if (!fits || !known || number_at(at + SUM_SIZE + 7, 1) != 0)
        return false;
    size_t size = FIXED_SIZE + texts_size + told_size;
    if (number_at(at, SUM_SIZE) != hash64(at + SUM_SIZE, size - SUM_SIZE, 0))
        return false;
    entry->key = slice_of(at + FIXED_SIZE, key_size);
    entry->owner = slice_of(at + FIXED_SIZE + key_size, owner_size);
    entry->version = (int64_t)number_at(at + FIXED_SIZE + texts_size, told_size);
    *bytes = slice_of(at + size, bytes->size - size);
    return true;
}

/* ---- opening ---- */

static int32_t refuse(const struct journal_file *file, const char *why, rcache_error *err) {
    return error_set(err, RCACHE_E_INVALID, "'journal_file' is '%.120s': %s", file->path, why);
}

/* Another may have put a new file in its place between opening and locking. */
static bool is_there(const struct journal_file *file) {
    struct stat mine, there;
    return fstat(file->fd, &mine) == 0 && stat(file->path, &there) == 0 && mine.st_ino == there.st_ino &&
           mine.st_dev == there.st_dev;
}

static int32_t open_locked(struct journal_file *file, rcache_error *err) {
    struct stat found;
    do {
        if (file->fd >= 0)
            close(file->fd);
        file->fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
        if (file->fd < 0)
            return refuse(file, strerror(errno), err);
        if (fstat(file->fd, &found) != 0 || !S_ISREG(found.st_mode))
            return refuse(file, "it is no plain file", err);
        if (flock(file->fd, LOCK_EX | LOCK_NB) != 0)
            return refuse(file, "another cache has it open; each process needs a file of its own", err);
    } while (!is_there(file));
    file->size = (size_t)found.st_size;
    return RCACHE_OK;
}

static bool read_all(const struct journal_file *file, char *at, size_t size) {
    for (off_t done = 0; (size_t)done < size;) {
        ssize_t got = pread(file->fd, at + done, size - (size_t)done, done);
        if (got > 0)
            done += got;
        else if (got == 0 || errno != EINTR)
            return false;
    }
    return true;
}

static const char *write_all(struct journal_file *file, int fd, struct slice bytes, size_t offset) {
    for (size_t done = 0; done < bytes.size;) {
        ssize_t got = pwrite(fd, bytes.data + done, bytes.size - done, (off_t)(offset + done));
        if (got > 0) {
            done += (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            snprintf(file->failure, sizeof file->failure, "journal_file can't be written: %s",
                     got < 0 ? strerror(errno) : "nothing was");
            return file->failure;
        }
    }
    return NULL;
}

static bool has_record(struct slice bytes) {
    struct journal_entry entry;
    for (; bytes.size >= FIXED_SIZE; bytes = slice_of(bytes.data + 1, bytes.size - 1)) {
        struct slice rest = bytes;
        if (journal_next(&rest, &entry))
            return true;
    }
    return false;
}

/* How many of the bytes count.  What is behind the last whole record was being written when its process ended. */
static int32_t measure(struct journal_file *file, struct slice bytes, size_t *size, rcache_error *err) {
    struct journal_entry entry;
    *size = 0;
    size_t head = bytes.size < sizeof MAGIC ? bytes.size : sizeof MAGIC;
    if (memcmp(bytes.data != NULL ? bytes.data : "", MAGIC, head) != 0)
        return refuse(file, "it is no journal; name a file that isn't there, or one that was a journal", err);
    if (head < sizeof MAGIC)
        return RCACHE_OK;
    struct slice rest = slice_of(bytes.data + head, bytes.size - head);
    while (journal_next(&rest, &entry))
        continue;
    if (rest.size > 0 && has_record(slice_of(rest.data + 1, rest.size - 1)))
        return refuse(file, "it is damaged; move it away, and flush the cache, since invalidations are lost with it",
                      err);
    *size = bytes.size - rest.size;
    return RCACHE_OK;
}

/* With what counts in it, and nothing else. */
static int32_t load(struct journal_file *file, struct buffer *bytes, rcache_error *err) {
    char *at = buffer_reserve(bytes, file->size + 1);
    if (at == NULL)
        return error_set(err, RCACHE_E_NOMEM, "no memory for the journal_file");
    if (!read_all(file, at, file->size))
        return refuse(file, "it can't be read", err);
    bytes->size = file->size;
    size_t size;
    int32_t status = measure(file, buffer_slice(bytes), &size, err);
    if (status != RCACHE_OK)
        return status;
    if (ftruncate(file->fd, (off_t)size) != 0)
        return refuse(file, strerror(errno), err);
    const char *why = size == 0 ? write_all(file, file->fd, slice_of(MAGIC, sizeof MAGIC), 0) : NULL;
    if (why != NULL)
        return refuse(file, why, err);
    bytes->size = size;
    buffer_take(bytes, size < sizeof MAGIC ? size : sizeof MAGIC);
    file->size = size < sizeof MAGIC ? sizeof MAGIC : size;
    return RCACHE_OK;
}

int32_t journal_file_open(const char *path, struct journal_file **result, struct buffer *bytes, rcache_error *err) {
    size_t size = strlen(path) + 1;
    *bytes = (struct buffer)BUFFER_INIT;
    *result = NULL;
    struct journal_file *file = mem_alloc_zeroed(1, sizeof *file + size);
    if (file == NULL)
        return error_set(err, RCACHE_E_NOMEM, "no memory for the journal_file");
    memcpy(file->path, path, size);
    file->fd = -1;
    file->bloated_size = BLOATED_SIZE;
    int32_t status = open_locked(file, err);
    if (status == RCACHE_OK)
        status = load(file, bytes, err);
    if (status == RCACHE_OK) {
        *result = file;
        return RCACHE_OK;
    }
    buffer_clear(bytes);
    journal_file_close(file);
    return status;
}

void journal_file_close(struct journal_file *file) {
    if (file == NULL)
        return;
    if (file->fd >= 0)
        close(file->fd);
    mem_free(file);
}

/* ---- writing ---- */

const char *journal_file_append(struct journal_file *file, const struct journal_entry *entry) {
    struct buffer record = BUFFER_INIT;
    if (file->broken)
        return file->failure;
    if (!journal_encode(&record, entry))
        return "there is no memory for the journal_file";
    const char *why = write_all(file, file->fd, buffer_slice(&record), file->size);
    if (why == NULL)
        file->size += record.size;
    else
        file->broken = ftruncate(file->fd, (off_t)file->size) != 0; /* a part of it may be there */
    buffer_clear(&record);
    return why;
}

void journal_file_empty(struct journal_file *file) {
    if (file->size > sizeof MAGIC && ftruncate(file->fd, sizeof MAGIC) == 0)
        file->size = sizeof MAGIC;
}

bool journal_file_is_bloated(const struct journal_file *file, size_t live) {
    return file->size > file->bloated_size && file->size > live * BLOATED_TIMES;
}

/* The descriptor of a new file with the records, locked; -1 where there is none. */
static int write_anew(struct journal_file *file, const char *path, struct slice records) {
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    bool ok = flock(fd, LOCK_EX | LOCK_NB) == 0 &&
              write_all(file, fd, slice_of(MAGIC, sizeof MAGIC), 0) == NULL &&
              write_all(file, fd, records, sizeof MAGIC) == NULL && fsync(fd) == 0 && rename(path, file->path) == 0;
    if (ok)
        return fd;
    unlink(path);
    close(fd);
    return -1;
}

void journal_file_replace(struct journal_file *file, struct slice records) {
    size_t size = strlen(file->path) + sizeof ".new";
    char *path = mem_alloc(size);
    int fd = -1;
    if (path != NULL) {
        snprintf(path, size, "%s.new", file->path);
        fd = write_anew(file, path, records);
    }
    mem_free(path);
    if (fd < 0) { /* it will be tried again when it has grown */
        file->bloated_size = 2 * file->size;
        return;
    }
    close(file->fd);
    file->fd = fd;
    file->size = sizeof MAGIC + records.size;
    file->broken = false;
    file->bloated_size = BLOATED_SIZE;
}
