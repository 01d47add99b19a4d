#include "backend/redis/where.h"

#include "backend/redis/slot.h"
#include "base/text.h"

enum { PORT_MAX = 65535 };

/* ---- words ---- */

/* The next word of a line, which is taken from it; empty: none is left. */
static struct slice next_word(struct slice *line) {
    while (line->size > 0 && line->data[0] == ' ')
        *line = slice_of(line->data + 1, line->size - 1);
    const char *stop = line->size > 0 ? memchr(line->data, ' ', line->size) : NULL;
    size_t size = stop != NULL ? (size_t)(stop - line->data) : line->size;
    struct slice word = slice_of(line->data, size);
    *line = slice_of(line->data + size, line->size - size);
    return word;
}

static bool read_number(struct slice digits, uint32_t most, uint16_t *number) {
    uint32_t value = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return false;
        value = value * 10 + (uint32_t)(digits.data[i] - '0');
        if (value > most)
            return false;
    }
    *number = (uint16_t)value;
    return digits.size > 0;
}

/* ---- redirections: "MOVED 3999 127.0.0.1:6381" ---- */

static bool read_target(struct slice line, struct detour *detour) {
    struct slice slot = next_word(&line), address = next_word(&line);
    size_t colon = address.size;
    while (colon > 0 && address.data[colon - 1] != ':')
        colon--;
    if (colon == 0 || !read_number(slot, SLOT_COUNT - 1, &detour->slot))
        return false;
    detour->host = slice_of(address.data, colon - 1);
    struct slice port = slice_of(address.data + colon, address.size - colon);
    return read_number(port, PORT_MAX, &detour->port) && detour->port > 0;
}

/* What is not a redirection may stand anywhere: some servers wrap what a script met into an error of their own. */
struct detour detour_read(struct slice error) {
    static const char *const later[] = { "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY" };
    struct detour detour = { .kind = DETOUR_NONE };
    struct slice line = error, word = next_word(&line);
    bool moved = slice_equal(word, slice_of_text("MOVED")), ask = slice_equal(word, slice_of_text("ASK"));
    if ((moved || ask) && read_target(line, &detour)) {
        detour.kind = moved ? DETOUR_MOVED : DETOUR_ASK;
        return detour;
    }
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        if (slice_contains(error, slice_of_text(later[i])))
            detour.kind = DETOUR_LATER;
    return detour;
}

/* ---- maps, as servers send them ---- */

/* A word of the map's; what is none, or says that it isn't known, stands for the server that was asked. */
static bool is_host(struct slice host) {
    for (size_t i = 0; i < host.size; i++)
        if ((unsigned char)host.data[i] <= ' ')
            return false;
    return host.size > 0 && !slice_equal(host, slice_of_text("?"));
}

static bool add_server(struct buffer *map, struct slice host, int64_t port) {
    char digits[TEXT_NUMBER_SIZE];
    bool known = is_host(host);
    return port > 0 && port <= PORT_MAX && buffer_append_text(map, " ") &&
           buffer_append(map, known ? host.data : "-", known ? host.size : 1) && buffer_append_text(map, " ") &&
           buffer_append_text(map, text_of_number(digits, port));
}

static struct slice text_of(const struct resp *resp) {
    return resp->type == RESP_TEXT ? resp->text : slice_of(NULL, 0);
}

static bool is_slot(const struct resp *resp) {
    return resp->type == RESP_INTEGER && resp->integer >= 0 && resp->integer < SLOT_COUNT;
}

/* One range: first, last, then a server each: host, port, ... */
static bool add_range(struct buffer *map, const struct resp *range) {
    char digits[TEXT_NUMBER_SIZE];
    if (range->type != RESP_ARRAY || range->count < 3 || !is_slot(&range->items[0]) || !is_slot(&range->items[1]) ||
        range->items[0].integer > range->items[1].integer)
        return false;
    bool ok = buffer_append_text(map, text_of_number(digits, range->items[0].integer)) &&
              buffer_append_text(map, " ") &&
              buffer_append_text(map, text_of_number(digits, range->items[1].integer));
    for (size_t i = 2; ok && i < range->count; i++) {
        const struct resp *server = &range->items[i];
        ok = server->type == RESP_ARRAY && server->count >= 2 &&
             add_server(map, text_of(&server->items[0]), server->items[1].integer);
    }
    return ok && buffer_append_text(map, "\n");
}

static struct blob *as_blob(struct buffer *map, bool ok) {
    struct blob *blob = ok && map->size > 0 ? blob_copy(buffer_slice(map).data, map->size) : NULL;
    buffer_clear(map);
    return blob;
}

struct blob *map_of_cluster(const struct resp *resp) {
    struct buffer map = BUFFER_INIT;
    bool ok = resp->type == RESP_ARRAY;
    for (size_t i = 0; ok && i < resp->count; i++)
        ok = add_range(&map, &resp->items[i]);
    return as_blob(&map, ok);
}

struct blob *map_of_sentinel(const struct resp *resp) {
    struct buffer map = BUFFER_INIT;
    uint16_t port = 0;
    bool ok = resp->type == RESP_ARRAY && resp->count == 2 && text_of(&resp->items[0]).size > 0 &&
              read_number(text_of(&resp->items[1]), PORT_MAX, &port) && buffer_append_text(&map, "0 16383") &&
              add_server(&map, resp->items[0].text, port) && buffer_append_text(&map, "\n");
    return as_blob(&map, ok);
}

/* ---- and as they are read again ---- */

bool map_next_server(struct slice *line, struct map_server *server) {
    server->host = next_word(line);
    if (slice_equal(server->host, slice_of_text("-")))
        server->host = slice_of(NULL, 0);
    return read_number(next_word(line), PORT_MAX, &server->port);
}

bool map_next_range(struct slice *map, struct map_range *range) {
    const char *end = map->size > 0 ? memchr(map->data, '\n', map->size) : NULL;
    if (end == NULL)
        return false;
    struct slice line = slice_of(map->data, (size_t)(end - map->data));
    *map = slice_of(end + 1, map->size - line.size - 1);
    bool ok = read_number(next_word(&line), SLOT_COUNT - 1, &range->first) &&
              read_number(next_word(&line), SLOT_COUNT - 1, &range->last) && range->first <= range->last &&
              map_next_server(&line, &range->primary);
    range->replicas = line;
    return ok;
}
