#include "backend/redis/handshake.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

enum { WORDS_MAX = 5 };

static bool command(struct buffer *out, size_t count, const char *const *texts) {
    struct slice words[WORDS_MAX];
    for (size_t i = 0; i < count; i++)
        words[i] = slice_of_text(texts[i]);
    return redis_append_command(out, words, count);
}

#define COMMAND(out, ...) \
    command(out, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), (const char *const[]){ __VA_ARGS__ })

static enum handshake_state refuse(struct handshake *self, int32_t status, struct slice words) {
    error_set(&self->failure, status, "%.*s", (int)(words.size < 200 ? words.size : 200),
              words.data != NULL ? words.data : "");
    return HANDSHAKE_REFUSED;
}

static bool starts(const struct resp *resp, const char *word) {
    return slice_starts(resp->text, slice_of_text(word));
}

static bool is_denied(const struct resp *resp) {
    return resp->type == RESP_ERROR && (starts(resp, "WRONGPASS") || starts(resp, "NOAUTH") || starts(resp, "NOPERM"));
}

/* ---- the steps: what each sends ---- */

static enum handshake_state go_on(struct handshake *self, enum handshake_step step, bool appended, uint32_t replies) {
    if (!appended)
        return refuse(self, RCACHE_E_NOMEM, slice_of_text("no memory for the first commands"));
    self->step = step;
    self->replies = 0;
    self->replies_due = replies;
    return HANDSHAKE_GOES_ON;
}

static enum handshake_state say_hello(struct handshake *self, struct buffer *out) {
    const struct handshake_target *target = self->target;
    const char *user = target->username != NULL ? target->username : "default";
    bool ok = target->password != NULL ? COMMAND(out, "HELLO", "3", "AUTH", user, target->password)
                                       : COMMAND(out, "HELLO", "3");
    return go_on(self, STEP_HELLO, ok, 1);
}

/* Servers of before ACLs take the password alone. */
static enum handshake_state say_password(struct handshake *self, bool with_user, struct buffer *out) {
    const struct handshake_target *target = self->target;
    bool ok = with_user ? COMMAND(out, "AUTH", target->username, target->password)
                        : COMMAND(out, "AUTH", target->password);
    return go_on(self, with_user ? STEP_USER_AND_PASSWORD : STEP_PASSWORD, ok, 1);
}

static bool selects(const struct handshake *self) {
    return self->target->database != 0;
}

static bool tracks(const struct handshake *self) {
    return self->target->track && self->facts.resp3;
}

static enum handshake_state ask_the_rest(struct handshake *self, struct buffer *out) {
    char number[TEXT_NUMBER_SIZE];
    bool ok = !selects(self) || COMMAND(out, "SELECT", text_of_number(number, self->target->database));
    ok = ok && COMMAND(out, "INFO", "server") && COMMAND(out, "INFO", "replication");
    ok = ok && (!tracks(self) || COMMAND(out, "CLIENT", "TRACKING", "ON"));
    ok = ok && (!self->target->replica || COMMAND(out, "READONLY"));
    bool follow = self->target->follow && self->facts.resp3; /* which makes of the answer a push, and no reply */
    /* Listening takes no script, and not every server bears both on one connection. */
    bool listens = self->target->track || self->target->follow;
    uint32_t scripts = ok && !listens ? redis_encode_scripts(out, self->target->packed) : 0;
    ok = ok && (listens || scripts > 0) && (!follow || COMMAND(out, "SUBSCRIBE", "+switch-master"));
    uint32_t before = 2 + (uint32_t)selects(self) + (uint32_t)tracks(self) + (uint32_t)self->target->replica;
    return go_on(self, STEP_REST, ok, before + scripts);
}

static enum handshake_state after_hello(struct handshake *self, struct buffer *out) {
    const struct handshake_target *target = self->target;
    if (!self->facts.resp3 && target->password != NULL)
        return say_password(self, target->username != NULL, out);
    return ask_the_rest(self, out);
}

enum handshake_state handshake_begin(struct handshake *handshake, const struct handshake_target *target,
                                     struct buffer *out) {
    *handshake = (struct handshake){ .target = target, .facts.packed = target->packed };
    return target->resp >= 3 ? say_hello(handshake, out) : after_hello(handshake, out);
}

/* ---- the replies ---- */

static bool is_replica(struct slice role) {
    return slice_equal(role, slice_of_text("slave")) || slice_equal(role, slice_of_text("replica"));
}

/* RESP3 where the server speaks it; some accept HELLO 3 and stay with RESP2: what `proto` says counts. */
static enum handshake_state take_hello(struct handshake *self, const struct resp *resp, struct buffer *out) {
    if (is_denied(resp))
        return refuse(self, RCACHE_E_AUTH, resp->text);
    for (size_t i = 0; resp->type == RESP_ARRAY && i + 1 < resp->count; i += 2) {
        if (starts(&resp->items[i], "proto"))
            self->facts.resp3 = resp->items[i + 1].integer == 3;
        if (starts(&resp->items[i], "role"))
            self->facts.replica = is_replica(resp->items[i + 1].text);
    }
    return after_hello(self, out);
}

static enum handshake_state take_password(struct handshake *self, const struct resp *resp, struct buffer *out) {
    if (resp->type != RESP_ERROR)
        return ask_the_rest(self, out);
    bool arity = starts(resp, "ERR wrong number of arguments");
    if (self->step == STEP_USER_AND_PASSWORD && arity)
        return say_password(self, false, out);
    return refuse(self, RCACHE_E_AUTH, resp->text);
}

struct slice info_line(struct slice text, const char *name) {
    size_t size = strlen(name);
    if (text.size == 0) /* and no bytes to begin at */
        return text;
    for (const char *at = text.data, *end = at + text.size; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop != NULL ? stop : end) - at);
        if (length > size && memcmp(at, name, size) == 0) {
            while (length > size && (at[length - 1] == '\r' || at[length - 1] == '\n'))
                length--;
            return slice_of(at + size, length - size);
        }
        at = stop != NULL ? stop + 1 : end;
    }
    return slice_of(NULL, 0);
}

static void note_history(struct server_facts *facts, const struct resp *resp, const char *line) {
    struct slice id = info_line(resp->text, line);
    if (id.size > 0)
        facts->epoch = hash64(id.data, id.size, facts->epoch);
}

static enum handshake_state take_rest(struct handshake *self, const struct resp *resp) {
    struct server_facts *facts = &self->facts;
    uint32_t index = self->replies++, first = selects(self) ? 1 : 0;
    if (resp->type == RESP_ERROR && starts(resp, "NOAUTH"))
        return refuse(self, RCACHE_E_AUTH, resp->text);
    if (index < first && resp->type == RESP_ERROR)
        return refuse(self, RCACHE_E_SERVER, resp->text);
    if (index == first)
        note_history(facts, resp, "run_id:");
    if (index == first + 1) {
        note_history(facts, resp, "master_replid:");
        facts->replica = facts->replica || is_replica(info_line(resp->text, "role:"));
        if (self->target->primary && facts->replica)
            return refuse(self, RCACHE_E_UNAVAILABLE, slice_of_text("READONLY it is a replica, no primary any more"));
    }
    if (tracks(self) && index == first + 2)
        facts->can_track = resp->type != RESP_ERROR;
    if (self->target->trust)
        facts->epoch = 0;
    return self->replies == self->replies_due ? HANDSHAKE_READY : HANDSHAKE_GOES_ON;
}

enum handshake_state handshake_take(struct handshake *handshake, const struct resp *resp, struct buffer *out) {
    if (resp->type == RESP_ERROR)
        refuse(handshake, RCACHE_E_UNAVAILABLE, resp->text);
    switch (handshake->step) {
    case STEP_HELLO: return take_hello(handshake, resp, out);
    case STEP_USER_AND_PASSWORD:
    case STEP_PASSWORD: return take_password(handshake, resp, out);
    case STEP_REST: return take_rest(handshake, resp);
    }
    return HANDSHAKE_REFUSED;
}

void handshake_lost(const struct handshake *handshake, const char *how, rcache_error *err) {
    const char *said = handshake->failure.message;
    if (said[0] == '\0')
        error_set(err, RCACHE_E_UNAVAILABLE, "%s", how);
    else
        error_set(err, RCACHE_E_UNAVAILABLE, "%.100s, after it had said '%s'", how, said);
}

/* ---- facts as a word: the epoch in hexadecimal, and a letter for each thing that is so ---- */

size_t facts_write(char text[FACTS_TEXT_MAX], const struct server_facts *facts) {
    char *end = text_put_hex(text, facts->epoch);
    if (facts->resp3 || facts->can_track || facts->replica)
        *end++ = '-';
    if (facts->resp3)
        *end++ = '3';
    if (facts->can_track)
        *end++ = 't';
    if (facts->replica)
        *end++ = 'r';
    *end = '\0';
    return (size_t)(end - text);
}

bool facts_read(const char *text, struct server_facts *facts) {
    *facts = (struct server_facts){ .epoch = 0 };
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < TEXT_HEX_SIZE; i++) {
        const char *digit = text[i] != '\0' ? strchr(digits, text[i]) : NULL;
        if (digit == NULL)
            return false;
        facts->epoch = facts->epoch << 4 | (uint64_t)(digit - digits);
    }
    const char *letters = text + TEXT_HEX_SIZE;
    facts->resp3 = strchr(letters, '3') != NULL;
    facts->can_track = strchr(letters, 't') != NULL;
    facts->replica = strchr(letters, 'r') != NULL;
    char again[FACTS_TEXT_MAX];
    facts_write(again, facts);
    return strcmp(text, again) == 0;
}
