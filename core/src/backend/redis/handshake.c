#include "backend/redis/handshake.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

static bool command(struct buffer *out, size_t count, const char *const *words) {
    char number[TEXT_NUMBER_SIZE];
    bool ok = buffer_append_text(out, "*") && buffer_append_text(out, text_of_number(number, (int64_t)count)) &&
              buffer_append_text(out, "\r\n");
    for (size_t i = 0; ok && i < count; i++)
        ok = buffer_append_text(out, "$") &&
             buffer_append_text(out, text_of_number(number, (int64_t)strlen(words[i]))) &&
             buffer_append_text(out, "\r\n") && buffer_append_text(out, words[i]) && buffer_append_text(out, "\r\n");
    return ok;
}

#define COMMAND(out, ...) \
    command(out, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), (const char *const[]){ __VA_ARGS__ })

static enum handshake_state refuse(struct handshake *self, int32_t status, struct slice words) {
    error_set(&self->failure, status, "%.*s", (int)(words.size < 200 ? words.size : 200),
              words.data != NULL ? words.data : "");
    return HANDSHAKE_REFUSED;
}

static bool starts(const struct resp *resp, const char *word) {
    size_t size = strlen(word);
    return resp->text.size >= size && memcmp(resp->text.data, word, size) == 0;
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
    return self->target->track && self->resp3;
}

static enum handshake_state ask_the_rest(struct handshake *self, struct buffer *out) {
    char number[TEXT_NUMBER_SIZE];
    bool ok = !selects(self) || COMMAND(out, "SELECT", text_of_number(number, self->target->database));
    ok = ok && COMMAND(out, "INFO", "server") && COMMAND(out, "INFO", "replication");
    ok = ok && (!tracks(self) || COMMAND(out, "CLIENT", "TRACKING", "ON", "OPTIN"));
    ok = ok && (!self->target->replica || COMMAND(out, "READONLY"));
    bool follow = self->target->follow && self->resp3; /* which makes of the answer a push, and no reply */
    uint32_t scripts = ok ? redis_encode_scripts(out) : 0;
    ok = scripts > 0 && (!follow || COMMAND(out, "SUBSCRIBE", "+switch-master"));
    uint32_t before = 2 + (uint32_t)selects(self) + (uint32_t)tracks(self) + (uint32_t)self->target->replica;
    return go_on(self, STEP_REST, ok, before + scripts);
}

static enum handshake_state after_hello(struct handshake *self, struct buffer *out) {
    const struct handshake_target *target = self->target;
    if (!self->resp3 && target->password != NULL)
        return say_password(self, target->username != NULL, out);
    return ask_the_rest(self, out);
}

enum handshake_state handshake_begin(struct handshake *handshake, const struct handshake_target *target,
                                     struct buffer *out) {
    *handshake = (struct handshake){ .target = target };
    return target->resp >= 3 ? say_hello(handshake, out) : after_hello(handshake, out);
}

/* ---- the replies ---- */

/* RESP3 where the server speaks it; some accept HELLO 3 and stay with RESP2: what `proto` says counts. */
static enum handshake_state take_hello(struct handshake *self, const struct resp *resp, struct buffer *out) {
    if (is_denied(resp))
        return refuse(self, RCACHE_E_AUTH, resp->text);
    for (size_t i = 0; resp->type == RESP_ARRAY && i + 1 < resp->count; i += 2)
        if (starts(&resp->items[i], "proto"))
            self->resp3 = resp->items[i + 1].integer == 3;
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

static struct slice info_line(struct slice text, const char *name) {
    size_t size = strlen(name);
    for (const char *at = text.data, *end = at + text.size; at != NULL && at < end;) {
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
    struct slice id = resp->type == RESP_TEXT ? info_line(resp->text, line) : slice_of(NULL, 0);
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
        struct slice role = resp->type == RESP_TEXT ? info_line(resp->text, "role:") : slice_of(NULL, 0);
        if (self->target->primary && slice_equal(role, slice_of_text("slave")))
            return refuse(self, RCACHE_E_UNAVAILABLE, slice_of_text("READONLY it is a replica, no primary any more"));
    }
    if (tracks(self) && index == first + 2)
        facts->can_track = resp->type != RESP_ERROR;
    if (self->target->trust)
        facts->epoch = 0;
    return self->replies == self->replies_due ? HANDSHAKE_READY : HANDSHAKE_GOES_ON;
}

enum handshake_state handshake_take(struct handshake *handshake, const struct resp *resp, struct buffer *out) {
    switch (handshake->step) {
    case STEP_HELLO: return take_hello(handshake, resp, out);
    case STEP_USER_AND_PASSWORD:
    case STEP_PASSWORD: return take_password(handshake, resp, out);
    case STEP_REST: return take_rest(handshake, resp);
    }
    return HANDSHAKE_REFUSED;
}

/* ---- facts as a word: the epoch in hexadecimal, "-t" behind it where changes can be tracked ---- */

size_t facts_write(char text[FACTS_TEXT_MAX], const struct server_facts *facts) {
    char *end = text_put_hex(text, facts->epoch);
    memcpy(end, facts->can_track ? "-t" : "", facts->can_track ? 3 : 1);
    return strlen(text);
}

bool facts_read(const char *text, struct server_facts *facts) {
    *facts = (struct server_facts){ .can_track = false };
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < TEXT_HEX_SIZE; i++) {
        const char *digit = text[i] != '\0' ? strchr(digits, text[i]) : NULL;
        if (digit == NULL)
            return false;
        facts->epoch = facts->epoch << 4 | (uint64_t)(digit - digits);
    }
    facts->can_track = strcmp(text + TEXT_HEX_SIZE, "-t") == 0;
    return facts->can_track || text[TEXT_HEX_SIZE] == '\0';
}
