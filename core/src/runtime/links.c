#include "runtime/links.h"

#include "base/alloc.h"
#include "runtime/cache.h"
#include "runtime/call.h"
#include "runtime/link.h"

#include <unistd.h>

bool links_init(struct links *links, size_t count_max) {
    links->all = mem_alloc_zeroed(count_max, sizeof(struct link *));
    return links->all != NULL;
}

bool links_grow(struct links *links, struct rcache *cache, struct node *node) {
    size_t count = links->count, places = exchange_places(cache);
    for (size_t place = 0; place < places; place++) {
        links->all[count + place] = link_new(cache, node, exchange_purpose(cache, place));
        if (links->all[count + place] != NULL)
            continue;
        while (place-- > 0)
            link_free(links->all[count + place], NULL);
        return false;
    }
    links->count = count + places;
    return true;
}

void links_clear(struct links *links, struct link_node *done) {
    for (size_t i = 0; i < links->count; i++)
        link_free(links->all[i], done);
    mem_free(links->all);
    links->all = NULL;
    links->count = 0;
}

void links_abandon(struct links *links) {
    for (size_t i = 0; i < links->count; i++)
        if (links->all[i]->connection != NULL)
            close(connection_fd(links->all[i]->connection));
}

/* Requests for one link mostly lie together: it is written to once for all of them. */
void links_send(struct rcache *cache, struct link_node *requests, struct call *attended, struct link_node *done) {
    struct link *last = NULL;
    for (struct link_node *node; (node = list_take(requests)) != NULL;) {
        struct request *request = list_entry(node, struct request, node);
        size_t place;
        if (!topology_route(&cache->topology, request, &place, requests, done))
            continue;
        struct link *link = cache->links.all[place];
        if (last != NULL && last != link)
            link_flush(last, attended != NULL && attended->link == last ? attended : NULL);
        last = link;
        link_append(link, request, done);
    }
    if (last != NULL)
        link_flush(last, attended != NULL && attended->link == last ? attended : NULL);
}
