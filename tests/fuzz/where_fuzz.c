/* Any bytes as what servers say of where keys are: an error, a map as text, a reply that a map is made of.  What is
 * found lies within what was said, and a map that was made can be read to its end. */
#include "backend/redis/net/reader.h"
#include "backend/redis/slot.h"
#include "backend/redis/where.h"
#include "target.h"

static bool within(struct slice part, struct slice whole) {
    return part.size == 0 || (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

static void check_detour(struct slice error) {
    struct detour detour = detour_read(error);
    if (detour.kind != DETOUR_MOVED && detour.kind != DETOUR_ASK)
        return;
    check(detour.slot < SLOT_COUNT && detour.port > 0);
    check(within(detour.host, error));
}

/* Returns how many ranges and servers it has; *whole: nothing in it was beyond reading. */
static size_t read_map(struct slice map, bool *whole) {
    struct slice rest = map;
    struct map_range range;
    size_t count = 0;
    *whole = true;
    while (map_next_range(&rest, &range)) {
        check(range.first <= range.last && range.last < SLOT_COUNT);
        check(within(range.primary.host, map) && within(range.replicas, map));
        count++;
        struct map_server server;
        while (map_next_server(&range.replicas, &server)) {
            check(within(server.host, map));
            count++;
        }
        *whole = *whole && range.replicas.size == 0;
    }
    *whole = *whole && rest.size == 0;
    return count;
}

static void check_made(struct blob *map, size_t servers) {
    if (map == NULL)
        return;
    bool whole;
    check(read_map(blob_slice(map), &whole) == servers);
    check(whole);
    blob_drop(map);
}

static void check_reply(const struct resp *resp) {
    size_t servers = 0;
    for (size_t i = 0; resp->type == RESP_ARRAY && i < resp->count; i++)
        servers += resp->items[i].count - 2;
    check_made(map_of_cluster(resp), servers);
    check_made(map_of_sentinel(resp), 1);
    if (resp->type == RESP_ERROR)
        check_detour(resp->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    bool whole;
    check_detour(slice_of(data, size));
    read_map(slice_of(data, size), &whole);
    struct reader *reader = reader_new();
    const struct resp *resp;
    check(reader != NULL && reader_feed(reader, data, size));
    while (reader_next(reader, &resp) == 1)
        check_reply(resp);
    reader_free(reader);
    return 0;
}
