#include "engine/verbs.h"

void request_clear(struct request *request) {
    blob_drop(request->value);
    blob_drop(request->reply.value);
    blob_drop(request->reply.message);
    request->value = NULL;
    request->reply = (struct reply){ .status = 0 };
    request->form = 0;
    request->waits_again = false;
}
