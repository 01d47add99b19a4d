#include "answer.h"

#include "backend/redis/redis.h"
#include "resilicache.h"
#include "world.h"

/* An error is taken as it is by wire, behind the replies that the server gives all the same. */
static void take_refusal(const struct message *message, struct link_node *again, struct link_node *done) {
    static const struct resp ok = { .type = RESP_STATUS, .text = { "OK", 2 } }, confirmed = { .type = RESP_INTEGER };
    const struct resp error = { .type = RESP_ERROR, .text = slice_of_text(message->refusal) };
    const struct server_facts facts = { .epoch = message->epoch };
    struct request *request = message->origin;
    uint32_t before = (uint32_t)redis_asks_time(request) + (uint32_t)request->asking;
    for (uint32_t i = 0; i < before; i++)
        redis_decode(request, i, &ok, &facts);
    enum redis_answer answer = redis_decode(request, before, &error, &facts);
    if (answer == REDIS_MORE)
        answer = redis_decode(request, before + 1, &confirmed, &facts);
    list_append(answer == REDIS_AGAIN ? again : done, &request->node);
}

/* Like the decoding of what comes by wire, it may find no memory. */
void answer_take(struct world *world, struct message *message, struct link_node *again, struct link_node *done) {
    struct request *request = message->origin;
    if (message->refused) {
        take_refusal(message, again, done);
        return;
    }
    blob_drop(request->reply.value);
    blob_drop(request->reply.message);
    request->reply = message->request.reply;
    message->request.reply = (struct reply){ .status = RCACHE_OK };
    if (request->reply.value != NULL && world_has(world, FAULT_memory) && dice_chance(&world->luck, 20)) {
        blob_drop(request->reply.value);
        request->reply = (struct reply){ .status = RCACHE_E_NOMEM };
    }
    list_append(done, &request->node);
}
