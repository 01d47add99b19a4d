#include "runtime/links.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/cache.h"
#include "runtime/call.h"
#include "runtime/link.h"
#include "runtime/passage.h"

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

/* Links, and what is to go by them; few, as a rule. */
enum { HEAPS_MAX = 16 };
struct heaps {
    struct link *links[HEAPS_MAX];
    struct link_node requests[HEAPS_MAX];
    size_t count;
};

static void send_all(struct heaps *heaps, struct call *attended, int64_t now_ms, struct link_node *done) {
    for (size_t i = 0; i < heaps->count; i++) {
        struct link *link = heaps->links[i];
        struct call *own = attended != NULL && attended->link == link ? attended : NULL;
        link_send(link, &heaps->requests[i], own, now_ms, done);
    }
    heaps->count = 0;
}

/* NULL: there is no room for another. */
static struct link_node *heap_of(struct heaps *heaps, struct link *link) {
    for (size_t i = 0; i < heaps->count; i++)
        if (heaps->links[i] == link)
            return &heaps->requests[i];
    if (heaps->count == HEAPS_MAX)
        return NULL;
    heaps->links[heaps->count] = link;
    list_init(&heaps->requests[heaps->count]);
    return &heaps->requests[heaps->count++];
}

/* Each link is written to once for all that goes by it. */
void links_send(struct rcache *cache, struct link_node *requests, struct call *attended, struct link_node *done) {
    struct heaps heaps;
    heaps.count = 0;
    int64_t now_ms = clock_now_ms();
    for (struct link_node *node; (node = list_take(requests)) != NULL;) {
        struct request *request = list_entry(node, struct request, node);
        size_t place;
        if (!passage_out(cache, request, &place, requests, done))
            continue;
        struct link *link = cache->links.all[place];
        struct link_node *heap = heap_of(&heaps, link);
        if (heap == NULL) {
            send_all(&heaps, attended, now_ms, done);
            heap = heap_of(&heaps, link);
        }
        list_append(heap, &request->node);
    }
    send_all(&heaps, attended, now_ms, done);
}
