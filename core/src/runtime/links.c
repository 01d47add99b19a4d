#include "runtime/links.h"

#include "base/alloc.h"
#include "runtime/cache.h"
#include "runtime/link.h"

#include <unistd.h>

/* What is larger must not hold up the small ones behind it. */
enum { LARGE_VALUE_SIZE = 64 * 1024 };

bool links_init(struct links *links, struct rcache *cache) {
    links->shared = cache->settings.connections;
    size_t count = links->shared + 3;
    links->all = mem_alloc_zeroed(count, sizeof(struct link *));
    if (links->all == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        enum link_purpose purpose =
            i < links->shared ? LINK_SHARED : (enum link_purpose)(LINK_LARGE + i - links->shared);
        links->all[i] = link_new(cache, purpose);
        if (links->all[i] == NULL)
            return false;
        links->count++;
    }
    return true;
}

void links_clear(struct links *links, struct link_node *done) {
    for (size_t i = 0; i < links->count; i++)
        link_free(links->all[i], done);
    mem_free(links->all);
    *links = (struct links){ NULL, 0, 0 };
}

void links_abandon(struct links *links) {
    for (size_t i = 0; i < links->count; i++)
        if (links->all[i]->connection != NULL)
            close(connection_fd(links->all[i]->connection));
}

struct link *links_of_route(const struct links *links, uint32_t route) {
    return links->all[route % links->shared];
}

static struct link *link_for(const struct links *links, const struct request *request) {
    if (request->verb == VERB_WATCH)
        return links->all[links->shared - 1 + LINK_WATCH];
    if (request->replicas > 0)
        return links->all[links->shared - 1 + LINK_CONFIRM];
    if (request->value != NULL && request->value->size > LARGE_VALUE_SIZE)
        return links->all[links->shared - 1 + LINK_LARGE];
    return links_of_route(links, request->route);
}

/* Requests for one link mostly lie together: it is written to once for all of them. */
void links_send(struct links *links, struct link_node *requests, const struct link *attended, struct link_node *done) {
    struct link *last = NULL;
    for (struct link_node *node; (node = list_take(requests)) != NULL;) {
        struct request *request = list_entry(node, struct request, node);
        struct link *link = link_for(links, request);
        if (last != NULL && last != link)
            link_flush(last, last == attended);
        last = link;
        link_append(link, request, done);
    }
    if (last != NULL)
        link_flush(last, last == attended);
}
