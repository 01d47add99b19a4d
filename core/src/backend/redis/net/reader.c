#include "backend/redis/net/reader.h"

#include "base/alloc.h"

#include <hiredis/read.h>
#include <stdalign.h>

/* No reply of ours comes near the bounds: they are against a peer that is no server. */
enum { CHUNK_SIZE = 4096, BLOB_SIZE_MIN = 257, ITEMS_MAX = 1024 * 1024, DEPTH_MAX = 16 };
/* What goes past the parser, and the largest value that there is. */
enum { DIRECT_SIZE_MIN = 16 * 1024, DIRECT_SIZE_MAX = 512 * 1024 * 1024, LINE_END_SIZE = 2 };

struct chunk {
    struct chunk *next;
    size_t size;
    size_t used;
    alignas(max_align_t) char bytes[];
};

struct reader {
    redisReader *parser;
    struct chunk *chunks; /* the newest first */
    struct resp *root;    /* of the last value; holds blobs */
    size_t items;         /* of all arrays of the value under way */
    struct blob *direct;  /* a large text under way: it is put in its place at once */
    size_t direct_got;    /* of it and its line end */
    const char *refusal;  /* NULL: what went wrong is in the parser's words */
};

/* ---- the arena ---- */

static void *take(struct reader *reader, size_t size) {
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct chunk *chunk = reader->chunks;
    if (chunk == NULL || chunk->size - chunk->used < size) {
        size_t capacity = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = mem_alloc(sizeof *chunk + capacity);
        if (chunk == NULL)
            return NULL;
        *chunk = (struct chunk){ .next = reader->chunks, .size = capacity };
        reader->chunks = chunk;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += size;
    return memory;
}

/* One chunk of the usual size is kept. */
static void give_back(struct reader *reader) {
    struct chunk *kept = NULL;
    for (struct chunk *chunk = reader->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        if (kept == NULL && chunk->size == CHUNK_SIZE)
            kept = chunk;
        else
            mem_free(chunk);
    }
    if (kept != NULL) {
        kept->next = NULL;
        kept->used = 0;
    }
    reader->chunks = kept;
}

static void drop_blobs(struct resp *resp) {
    blob_drop(resp->blob);
    for (size_t i = 0; i < resp->count; i++)
        drop_blobs(&resp->items[i]);
}

/* ---- the parser's objects ---- */

/* Where the value goes: into its parent's items, or at the root. */
static struct resp *place(const redisReadTask *task) {
    struct reader *reader = task->privdata;
    if (task->parent != NULL) {
        struct resp *parent = task->parent->obj;
        return &parent->items[task->idx];
    }
    struct resp *root = take(reader, sizeof *root);
    if (root != NULL)
        *root = (struct resp){ .type = RESP_NIL };
    return root;
}

static void *make_text(const redisReadTask *task, char *text, size_t size) {
    struct resp *resp = place(task);
    if (resp == NULL)
        return NULL;
    struct blob *blob = NULL;
    char *bytes;
    if (task->type == REDIS_REPLY_VERB && size >= 4) { /* "txt:" goes before the text */
        text += 4;
        size -= 4;
    }
    struct reader *reader = task->privdata;
    if (reader->direct != NULL) { /* complete, or the parser would not be here */
        blob = reader->direct;
        reader->direct = NULL;
        size = blob->size;
        bytes = blob->data;
    } else if (size >= BLOB_SIZE_MIN) {
        blob = blob_copy(text, size);
        bytes = blob != NULL ? blob->data : NULL;
    } else {
        bytes = take(reader, size + 1);
        if (bytes != NULL && size > 0)
            memcpy(bytes, text, size);
    }
    if (bytes == NULL)
        return NULL;
    enum resp_type type = task->type == REDIS_REPLY_ERROR    ? RESP_ERROR
                          : task->type == REDIS_REPLY_STATUS ? RESP_STATUS
                                                             : RESP_TEXT;
    *resp = (struct resp){ .type = type, .text = slice_of(bytes, size), .blob = blob };
    return resp;
}

static const char *refusal_of(const struct reader *reader, const redisReadTask *task, size_t count) {
    size_t depth = 0;
    for (const redisReadTask *parent = task->parent; parent != NULL; parent = parent->parent)
        depth++;
    if (task->type == REDIS_REPLY_ATTR) /* the parser takes one for a value: all after it would be one off */
        return "attributes were not asked for";
    if (depth >= DEPTH_MAX)
        return "a reply nested too deep";
    return count > ITEMS_MAX - reader->items ? "a reply of too many items" : NULL;
}

static void *make_array(const redisReadTask *task, size_t count) {
    struct reader *reader = task->privdata;
    reader->refusal = refusal_of(reader, task, count);
    struct resp *resp = reader->refusal == NULL ? place(task) : NULL;
    if (resp == NULL)
        return NULL;
    reader->items += count;
    struct resp *items = count > 0 ? take(reader, count * sizeof *items) : NULL;
    if (count > 0 && items == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        items[i] = (struct resp){ .type = RESP_NIL };
    *resp = (struct resp){ .type = task->type == REDIS_REPLY_PUSH ? RESP_PUSH : RESP_ARRAY,
                           .count = count,
                           .items = items };
    return resp;
}

static void *make_integer(const redisReadTask *task, long long number) {
    struct resp *resp = place(task);
    if (resp != NULL)
        *resp = (struct resp){ .type = RESP_INTEGER, .integer = number };
    return resp;
}

static void *make_double(const redisReadTask *task, double number, char *text, size_t size) {
    (void)number;
    struct resp *resp = make_text(task, text, size);
    if (resp != NULL)
        resp->type = RESP_DOUBLE;
    return resp;
}

static void *make_nil(const redisReadTask *task) {
    return place(task);
}

static void *make_boolean(const redisReadTask *task, int yes) {
    struct resp *resp = place(task);
    if (resp != NULL)
        *resp = (struct resp){ .type = RESP_BOOLEAN, .integer = yes };
    return resp;
}

/* Called by the parser when it gives up: the arena goes with the reader. */
static void free_root(void *object) {
    drop_blobs(object);
}

static redisReplyObjectFunctions OBJECTS = {
    .createString = make_text,
    .createArray = make_array,
    .createInteger = make_integer,
    .createDouble = make_double,
    .createNil = make_nil,
    .createBool = make_boolean,
    .freeObject = free_root,
};

struct reader *reader_new(void) {
    struct reader *reader = mem_alloc_zeroed(1, sizeof *reader);
    if (reader == NULL)
        return NULL;
    reader->parser = redisReaderCreateWithFunctions(&OBJECTS);
    if (reader->parser == NULL) {
        mem_free(reader);
        return NULL;
    }
    reader->parser->privdata = reader;
    return reader;
}

static void forget_last(struct reader *reader) {
    if (reader->root == NULL)
        return;
    drop_blobs(reader->root);
    reader->root = NULL;
    reader->items = 0;
    give_back(reader);
}

void reader_free(struct reader *reader) {
    if (reader == NULL)
        return;
    forget_last(reader);
    blob_drop(reader->direct);
    redisReaderFree(reader->parser);
    for (struct chunk *chunk = reader->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        mem_free(chunk);
    }
    mem_free(reader);
}

/* ---- large texts ---- */

/* In the middle of a text: its size, and *got of its bytes.  The parser knows that a text comes, and stays before its
 * length until it has it whole. */
static size_t text_under_way(const redisReader *parser, size_t *got) {
    if (parser->ridx < 0 || parser->task[parser->ridx]->type != REDIS_REPLY_STRING)
        return 0;
    size_t left = parser->len - parser->pos, at = 0, size = 0;
    const char *bytes = left > 0 ? parser->buf + parser->pos : "";
    for (; at < left && bytes[at] >= '0' && bytes[at] <= '9' && size < SIZE_MAX / 10; at++)
        size = size * 10 + (size_t)(bytes[at] - '0');
    if (at == 0 || left < at + LINE_END_SIZE || bytes[at] != '\r' || bytes[at + 1] != '\n')
        return 0;
    *got = left - at - LINE_END_SIZE;
    return *got < size ? size : 0;
}

/* From here on its bytes go to where they are to stay, and the parser sees none of them. */
static void begin_direct(struct reader *reader) {
    redisReader *parser = reader->parser;
    size_t got = 0, size = text_under_way(parser, &got);
    if (size < DIRECT_SIZE_MIN || size > DIRECT_SIZE_MAX)
        return;
    reader->direct = blob_new(size);
    if (reader->direct == NULL) /* the parser may have more luck */
        return;
    memcpy(reader->direct->data, parser->buf + parser->len - got, got);
    reader->direct_got = got;
    parser->pos = parser->len;
}

/* Returns how many bytes were taken; as the parser does, it takes any two for the line end. */
static size_t feed_direct(struct reader *reader, const char *bytes, size_t size) {
    struct blob *direct = reader->direct;
    size_t got = reader->direct_got, missing = direct->size + LINE_END_SIZE - got;
    size_t taken = size < missing ? size : missing;
    if (got < direct->size)
        memcpy(direct->data + got, bytes, taken < direct->size - got ? taken : direct->size - got);
    reader->direct_got += taken;
    return taken;
}

bool reader_feed(struct reader *reader, const void *data, size_t size) {
    const char *bytes = data;
    if (reader->direct != NULL) {
        size_t taken = feed_direct(reader, bytes, size);
        if (reader->direct_got < reader->direct->size + LINE_END_SIZE)
            return true;
        /* For the parser, it was an empty one. */
        if (redisReaderFeed(reader->parser, "0\r\n\r\n", 5) != REDIS_OK)
            return false;
        bytes += taken;
        size -= taken;
    }
    return size == 0 || redisReaderFeed(reader->parser, bytes, size) == REDIS_OK;
}

int reader_next(struct reader *reader, const struct resp **resp) {
    void *root = NULL;
    forget_last(reader);
    if (redisReaderGetReply(reader->parser, &root) != REDIS_OK)
        return -1;
    if (root == NULL) {
        if (reader->direct == NULL)
            begin_direct(reader);
        return 0;
    }
    reader->root = root;
    *resp = reader->root;
    return 1;
}

size_t reader_missing(const struct reader *reader) {
    const struct blob *direct = reader->direct;
    return direct != NULL && reader->direct_got < direct->size ? direct->size - reader->direct_got : 0;
}

bool reader_starved(const struct reader *reader) {
    return reader->refusal == NULL && reader->parser->err == REDIS_ERR_OOM;
}

const char *reader_error(const struct reader *reader) {
    return reader->refusal != NULL ? reader->refusal : reader->parser->errstr;
}
