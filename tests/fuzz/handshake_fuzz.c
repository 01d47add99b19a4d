/* Any replies to the first commands on a connection: it comes up or is refused for a reason, says nothing but whole
 * commands, and comes to an end with the replies that are due.
 *
 * The first byte says what is known of the server and wanted of it. */
#include "backend/redis/handshake.h"
#include "backend/redis/net/reader.h"
#include "target.h"

static struct handshake_target target_of(uint8_t wanted) {
    static const char password[] = "secret\r\n*1\r\n", username[] = "me";
    return (struct handshake_target){ .password = (wanted & 1) ? password : NULL,
                                      .username = (wanted & 3) == 3 ? username : NULL,
                                      .database = (wanted & 4) ? 65535 : 0,
                                      .resp = (wanted & 8) ? 2 : 3,
                                      .track = (wanted & 16) != 0,
                                      .follow = (wanted & 32) != 0,
                                      .primary = (wanted & 64) != 0,
                                      .trust = (wanted & 128) != 0 };
}

/* Takes what was said; how many commands, each an array of texts. */
static uint32_t take_commands(struct buffer *out) {
    struct reader *reader = reader_new();
    struct slice bytes = buffer_slice(out);
    const struct resp *resp;
    uint32_t count = 0;
    int got;
    check(reader != NULL && reader_feed(reader, bytes.data != NULL ? bytes.data : "", bytes.size));
    while ((got = reader_next(reader, &resp)) == 1) {
        check(resp->type == RESP_ARRAY && resp->count > 0);
        for (size_t i = 0; i < resp->count; i++)
            check(resp->items[i].type == RESP_TEXT);
        count++;
    }
    check(got == 0);
    reader_free(reader);
    buffer_take(out, bytes.size);
    return count;
}

static void check_ready(const struct handshake *handshake) {
    char word[FACTS_TEXT_MAX];
    struct server_facts facts;
    check(facts_write(word, &handshake->facts) < sizeof word);
    check(facts_read(word, &facts));
    check(facts.epoch == handshake->facts.epoch && facts.can_track == handshake->facts.can_track);
    check(!facts.can_track || (handshake->target->track && handshake->target->resp == 3));
    check(facts.epoch == 0 || !handshake->target->trust);
}

static void check_refused(const struct handshake *handshake) {
    int32_t status = handshake->failure.status;
    check(status == RCACHE_E_AUTH || status == RCACHE_E_SERVER || status == RCACHE_E_UNAVAILABLE);
    check(memchr(handshake->failure.message, '\0', sizeof handshake->failure.message) != NULL);
}

static void shake_hands(struct reader *reader, const struct handshake_target *target) {
    struct handshake handshake;
    struct buffer out = BUFFER_INIT;
    enum handshake_state state = handshake_begin(&handshake, target, &out);
    const struct resp *resp;
    uint32_t due = 0;
    while (state == HANDSHAKE_GOES_ON) {
        uint32_t said = take_commands(&out);
        due += said;
        /* A subscription is answered by a push, which counts for none. */
        bool follows = said > 1 && target->follow && handshake.facts.resp3;
        due -= follows;
        check(due > 0);
        do
            if (reader_next(reader, &resp) != 1)
                goto out;
        while (resp->type == RESP_PUSH);
        state = handshake_take(&handshake, resp, &out);
        due--;
    }
    check(out.size == 0);
    if (state == HANDSHAKE_READY) {
        check(due == 0);
        check_ready(&handshake);
    } else {
        check_refused(&handshake);
    }
out:
    buffer_clear(&out);
}

static void read_facts(struct input *input) {
    char word[FACTS_TEXT_MAX + 2], again[FACTS_TEXT_MAX];
    struct server_facts facts;
    size_t size = input->left < sizeof word - 1 ? input->left : sizeof word - 1;
    memcpy(word, input->at, size);
    word[size] = '\0';
    if (!facts_read(word, &facts))
        return;
    facts_write(again, &facts);
    check(strcmp(word, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = { data, size };
    struct handshake_target target = target_of(input_byte(&input));
    struct reader *reader = reader_new();
    check(reader != NULL && (input.left == 0 || reader_feed(reader, input.at, input.left)));
    shake_hands(reader, &target);
    reader_free(reader);
    if (input.left > 0)
        read_facts(&input);
    return 0;
}
