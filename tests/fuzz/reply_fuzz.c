/* Any bytes as replies of a server, cut anywhere, to every verb in every form: an answer that makes sense or an error.
 * The first byte says where the rest is cut. */
#include "backend/redis/net/reader.h"
#include "backend/redis/redis.h"
#include "resilicache.h"
#include "target.h"

static void check_reply(const struct request *request) {
    const struct reply *reply = &request->reply;
    check(memchr(reply->lease, '\0', sizeof reply->lease) != NULL);
    check(reply->status <= RCACHE_OK);
    check(reply->status != RCACHE_OK || reply->verdict != VERDICT_NONE);
    check(reply->verdict != VERDICT_FRESH || reply->status != RCACHE_OK || reply->value != NULL);
}

/* The reply to every verb, as the first and as the second. */
static void decode(const struct resp *resp) {
    static const struct server_facts facts[] = { { 0 }, { .epoch = 0xe1 } };
    for (uint32_t kind = 0; kind < 2u * 16u * (VERB_INSPECT + 1u); kind++) {
        struct request request = { .verb = (enum verb)(kind / 32), .form = kind % 16, .strong = kind / 16 % 2 != 0 };
        bool waits = request.verb == VERB_INVALIDATE || request.verb == VERB_UNLOCK;
        request.replicas = waits && request.strong ? 1 : 0;
        uint32_t form = request.form;
        enum redis_answer answer = redis_decode(&request, 0, resp, &facts[kind / 16 % 2]);
        if (answer == REDIS_MORE)
            answer = redis_decode(&request, 1, resp, &facts[kind / 16 % 2]);
        check(answer != REDIS_MORE);
        check((request.form & form) == form && (answer == REDIS_AGAIN) == (request.form != form));
        if (answer == REDIS_ANSWERED)
            check_reply(&request);
        request_clear(&request);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t piece = size > 0 ? (size_t)data[0] + 1 : 1;
    struct reader *reader = reader_new();
    check(reader != NULL);
    int got = 0;
    for (size_t at = 1; at < size && got >= 0; at += piece) {
        const struct resp *resp;
        bool fed = reader_feed(reader, data + at, size - at < piece ? size - at : piece);
        check(fed);
        while ((got = reader_next(reader, &resp)) == 1)
            decode(resp);
    }
    check(got == 0 || reader_error(reader)[0] != '\0');
    reader_free(reader);
    return 0;
}
