/* ending: requests that come back with a failure. */
#include "runtime/exchange.h"

void exchange_finish(struct request *request, int32_t status, const char *message, struct link_node *done) {
    reply_clear(&request->reply); /* it keeps what it carries, and may be sent elsewhere */
    request->form = 0;
    request->heard = HEARD_NOTHING;
    request->reply.status = status;
    request->reply.message = blob_copy(message, strlen(message));
    list_append(done, &request->node);
}

void exchange_refuse(struct request *request, int32_t status, const char *message, struct link_node *done) {
    exchange_finish(request, status, message, done);
    request->heard = HEARD_UNASKED;
}

void exchange_finish_all(struct link_node *requests, int32_t status, const char *message, struct link_node *done) {
    for (struct link_node *node; (node = list_take(requests)) != NULL;)
        exchange_finish(list_entry(node, struct request, node), status, message, done);
}
