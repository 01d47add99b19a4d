#include "runtime/peeks.h"

bool peeks_join(struct peeks *peeks, struct request *request) {
    if (!request->shared || request->form != 0)
        return false;
    size_t place = request->route % PEEKS_MAX;
    struct request *first = peeks->places[place].batch == peeks->batch ? peeks->places[place].first : NULL;
    if (first != NULL && slice_equal(first->key, request->key)) {
        list_append(&first->followers, &request->node);
        return true;
    }
    peeks->places[place].first = request;
    peeks->places[place].batch = peeks->batch;
    return false;
}

void peeks_part(struct peeks *peeks) {
    peeks->batch++;
}

static void answer_as(struct request *follower, const struct request *first) {
    follower->sent_ms = first->sent_ms;
    follower->attempts = first->attempts;
    follower->heard = first->heard;
    follower->reply = first->reply;
    blob_share(follower->reply.value);
    blob_share(follower->reply.message);
}

void peeks_answer(struct link_node *done) {
    for (struct link_node *node = done->next; node != done; node = node->next) {
        struct request *first = list_entry(node, struct request, node);
        if (!first->shared)
            continue;
        for (struct link_node *behind = node->next, *next; (next = list_take(&first->followers)) != NULL;) {
            answer_as(list_entry(next, struct request, node), first);
            list_append(behind, next);
        }
    }
}
