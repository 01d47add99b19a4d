/* command: requests as RESP arrays of bulk strings. */
#include "backend/redis/meta.h"
#include "backend/redis/redis.h"
#include "backend/redis/scripts.h"
#include "base/text.h"

enum { WORDS_MAX = 16 };

struct words {
    struct slice list[WORDS_MAX];
    size_t count;
    char numbers[6][TEXT_NUMBER_SIZE];
    size_t number_count;
    char meta[META_SIZE_MAX];
    char epoch[TEXT_HEX_SIZE];
    char tokens[2][TOKEN_SIZE + 1 + TEXT_NUMBER_SIZE];
    size_t token_count;
};

static void add(struct words *words, struct slice word) {
    words->list[words->count++] = word;
}

static void add_text(struct words *words, const char *text) {
    add(words, slice_of_text(text));
}

static void add_number(struct words *words, int64_t number) {
    add_text(words, text_of_number(words->numbers[words->number_count++], number));
}

static void add_meta(struct words *words, const struct request *request, const struct server_facts *facts) {
    struct meta meta = { .epoch = facts->epoch, .absent = request->absent, .load_ms = request->load_ms };
    struct slice value = blob_slice(request->value);
    add(words, slice_of(words->meta, meta_write(words->meta, &meta, facts->packed ? NULL : &value)));
}

/* One that no entry has, where what the entry says is in doubt. */
static void add_epoch(struct words *words, const struct request *request, const struct server_facts *facts) {
    if ((request->form & FORM_DOUBT) != 0) {
        add_text(words, "-");
        return;
    }
    text_put_hex(words->epoch, facts->epoch);
    add(words, slice_of(words->epoch, facts->epoch != 0 ? TEXT_HEX_SIZE : 0));
}

/* The owner, and from the second attempt on which one it is. */
static void add_token(struct words *words, const struct request *request, uint32_t attempt) {
    struct slice owner = request->owner;
    if (attempt < 2 || owner.size > TOKEN_SIZE) {
        add(words, owner);
        return;
    }
    char digits[TEXT_NUMBER_SIZE], *token = words->tokens[words->token_count++];
    struct slice number = slice_of_text(text_of_number(digits, attempt));
    memcpy(token, owner.data, owner.size);
    token[owner.size] = '-';
    memcpy(token + owner.size + 1, number.data, number.size);
    add(words, slice_of(token, owner.size + 1 + number.size));
}

/* None, which owns nothing, where the lease is of another epoch. */
static void add_holder(struct words *words, const struct request *request, const struct server_facts *facts) {
    bool foreign = request->grant.epoch != 0 && request->grant.epoch != facts->epoch;
    if (foreign)
        add(words, slice_of(NULL, 0));
    else
        add_token(words, request, request->grant.attempt);
}

static void add_acquire(struct words *words, const struct request *request, const struct server_facts *facts) {
    add_token(words, request, request->attempts);
    add_number(words, request->life_ms);
    add_number(words, request->bound_ms);
    add_text(words, request->strong ? "1" : "");
    add(words, request->seen);
    add_epoch(words, request, facts);
    if (request->attempts < 2)
        add_text(words, "");
    else
        add_token(words, request, request->attempts - 1);
    add_number(words, request->window_ms);
}

/* For how long it is kept, and for how long it is fresh, if the entry is to tell. */
static void add_life(struct words *words, const struct request *request) {
    add_number(words, request->life_ms);
    if (request->fresh_ms > 0)
        add_number(words, request->fresh_ms);
    else
        add_text(words, "");
}

static void add_version(struct words *words, const struct request *request) {
    if (request->version > 0)
        add_number(words, request->version);
    else
        add_text(words, "");
}

static void add_entry(struct words *words, const struct request *request, const struct server_facts *facts) {
    add(words, blob_slice(request->value));
    add_meta(words, request, facts);
    add_life(words, request);
    add_version(words, request);
}

static void add_arguments(struct words *words, const struct request *request, const struct server_facts *facts) {
    switch (request->verb) {
    case VERB_ACQUIRE:
        add_acquire(words, request, facts);
        return;
    case VERB_REFRESH:
        add_token(words, request, request->attempts);
        add_number(words, request->life_ms);
        add_text(words, request->strong ? "1" : "");
        add_epoch(words, request, facts);
        return;
    case VERB_PUT:
        add_holder(words, request, facts);
        add_entry(words, request, facts);
        add_number(words, request->settle_ms);
        return;
    case VERB_RENEW:
        add_holder(words, request, facts);
        add_number(words, request->life_ms);
        return;
    case VERB_LOCK:
        add(words, request->owner);
        add_number(words, request->life_ms);
        add_text(words, request->intent ? "1" : "");
        return;
    case VERB_RELEASE:
        add_token(words, request, request->grant.attempt);
        add_number(words, request->pause_ms);
        add_number(words, request->pause_max_ms);
        add_text(words, request->drops ? "1" : "");
        return;
    case VERB_INVALIDATE:
        add_number(words, request->bound_ms);
        add_version(words, request);
        add_number(words, request->settle_ms);
        return;
    case VERB_UNLOCK:
        add(words, request->owner);
        add_number(words, request->bound_ms);
        add_number(words, request->settle_ms);
        return;
    case VERB_SET:
        add_entry(words, request, facts);
        return;
    case VERB_RAW_SET:
        add(words, blob_slice(request->value));
        add_number(words, request->life_ms);
        return;
    case VERB_INSPECT:
    case VERB_WHERE:
    case VERB_PING:
    case VERB_PEEK:
    case VERB_WATCH:
    case VERB_GET:
    case VERB_DELETE:
        return;
    }
}

static void add_script(struct words *words, const struct script *script, bool whole) {
    add_text(words, whole ? "EVAL" : "EVALSHA");
    add(words, whole ? script->text : slice_of_text(script->sha1));
    add_text(words, "1");
}

static void add_where(struct words *words, const struct request *request) {
    bool sentinel = request->owner.size > 0;
    add_text(words, sentinel ? "SENTINEL" : "CLUSTER");
    add_text(words, sentinel ? "GET-MASTER-ADDR-BY-NAME" : "SLOTS");
    if (sentinel)
        add(words, request->owner);
}

static void make_words(struct words *words, const struct request *request, const struct server_facts *facts) {
    const struct script *script = script_of(request->verb, facts->packed);
    words->count = words->number_count = words->token_count = 0;
    if ((request->form & FORM_DELETE) != 0) {
        add_text(words, "DEL");
        add(words, request->key);
        return;
    }
    if (script != NULL) {
        add_script(words, script, (request->form & FORM_WHOLE) != 0);
        add(words, request->key);
        add_arguments(words, request, facts);
        return;
    }
    if (request->verb == VERB_WHERE) {
        add_where(words, request);
        return;
    }
    if (request->verb == VERB_PING) {
        add_text(words, "PING");
        return;
    }
    if (request->verb == VERB_DELETE || redis_reads_string(request, facts)) {
        add(words, request->verb == VERB_DELETE ? slice_of_text("UNLINK") : slice_of_text("GET"));
        add(words, request->key);
        return;
    }
    add_text(words, "HMGET");
    add(words, request->key);
    add_text(words, "value");
    if (request->verb != VERB_GET)
        add_text(words, "lockUntil");
    add_text(words, "meta");
}

enum { LINE_END_SIZE = 2, COUNT_SIZE_MAX = 1 + TEXT_NUMBER_SIZE + LINE_END_SIZE };

static char *put_line_end(char *at) {
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

static char *put_count(char *at, char sign, size_t count) {
    *at++ = sign;
    return put_line_end(text_put_number(at, count));
}

static char *put_word(char *at, struct slice word) {
    at = put_count(at, '$', word.size);
    if (word.size > 0)
        memcpy(at, word.data, word.size);
    return put_line_end(at + word.size);
}

bool redis_append_command(struct buffer *out, const struct slice *words, size_t count) {
    size_t most = COUNT_SIZE_MAX;
    for (size_t i = 0; i < count; i++)
        most += COUNT_SIZE_MAX + words[i].size + LINE_END_SIZE;
    char *room = buffer_reserve(out, most), *at = room;
    if (room == NULL)
        return false;
    at = put_count(at, '*', count);
    for (size_t i = 0; i < count; i++)
        at = put_word(at, words[i]);
    out->size += (size_t)(at - room);
    return true;
}

bool redis_encode_wait(struct buffer *out, const struct request *request) {
    char replicas[TEXT_NUMBER_SIZE], wait_ms[TEXT_NUMBER_SIZE];
    const struct slice words[] = { slice_of_text("WAIT"), slice_of_text(text_of_number(replicas, request->replicas)),
                                   slice_of_text(text_of_number(wait_ms, request->replicas_ms)) };
    size_t before = out->size;
    bool ok = redis_append_command(out, words, 3);
    if (!ok)
        out->size = before;
    return ok;
}

bool redis_asks_time(const struct request *request) {
    bool peeks = request->verb == VERB_PEEK || request->verb == VERB_WATCH;
    return peeks && (request->timed || (request->form & FORM_TIMED) != 0);
}

bool redis_encode(struct buffer *out, const struct request *request, const struct server_facts *facts,
                  uint32_t *replies) {
    static const struct slice asking[] = { { "ASKING", 6 } }, time[] = { { "TIME", 4 } };
    size_t before = out->size;
    struct words words;
    make_words(&words, request, facts);
    bool timed = redis_asks_time(request);
    bool ok = (!timed || redis_append_command(out, time, 1)) &&
              (!request->asking || redis_append_command(out, asking, 1)) &&
              redis_append_command(out, words.list, words.count);
    if (!ok)
        out->size = before;
    *replies = 1 + (uint32_t)(request->replicas > 0) + (uint32_t)request->asking + (uint32_t)timed;
    return ok;
}

uint32_t redis_encode_scripts(struct buffer *out, bool packed) {
    size_t before = out->size;
    uint32_t count = 0;
    for (const struct script *script; (script = script_at(count, packed)) != NULL; count++) {
        const struct slice words[] = { slice_of_text("SCRIPT"), slice_of_text("LOAD"), script->text };
        if (!redis_append_command(out, words, 3)) {
            out->size = before;
            return 0;
        }
    }
    return count;
}
