#include "engine/verbs.h"

void reply_clear(struct reply *reply) {
    blob_drop(reply->value);
    blob_drop(reply->message);
    *reply = (struct reply){ .status = 0 };
}

void request_drop(struct request *request) {
    blob_drop(request->value);
    blob_drop(request->reply.value);
    blob_drop(request->reply.message);
}

void request_clear(struct request *request) {
    blob_drop(request->value);
    request->value = NULL;
    reply_clear(&request->reply);
    request->form = 0;
    request->attempts = 0;
    request->waits_again = false;
    request->seals = false;
}
