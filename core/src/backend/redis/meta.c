#include "backend/redis/meta.h"

#include "base/hash.h"
#include "base/text.h"

static char *put_text(char *at, const char *text) {
    size_t size = strlen(text);
    memcpy(at, text, size);
    return at + size;
}

size_t meta_write(char text[META_SIZE_MAX], const struct meta *meta, const struct slice *value) {
    char digits[TEXT_NUMBER_SIZE];
    char *at = text;
    if (meta->epoch != 0)
        at = text_put_hex(put_text(at, ";e="), meta->epoch);
    if (value != NULL) {
        at = put_text(put_text(at, ";n="), text_of_number(digits, (int64_t)value->size));
        at = text_put_hex(put_text(at, ";h="), hash64(value->data, value->size, 0));
    }
    if (meta->absent)
        at = put_text(at, ";a");
    if (meta->load_ms > 0)
        at = put_text(put_text(at, ";d="), text_of_number(digits, meta->load_ms));
    size_t size = (size_t)(at - text);
    if (size > 0)
        memmove(text, text + 1, --size);
    return size;
}

/* The next item, and what is left behind it. */
static struct slice next_item(struct slice *rest) {
    const char *stop = rest->size > 0 ? memchr(rest->data, ';', rest->size) : NULL;
    size_t size = stop != NULL ? (size_t)(stop - rest->data) : rest->size;
    struct slice item = slice_of(rest->data, size);
    size_t taken = stop != NULL ? size + 1 : size;
    *rest = slice_of(rest->data + taken, rest->size - taken);
    return item;
}

/* As the scripts read it: of fewer than 16 digits; 0: none. */
static int64_t read_time(struct slice digits) {
    uint64_t number = 0;
    return digits.size < 16 && text_read_number(digits, 10, &number) ? (int64_t)number : 0;
}

struct meta meta_read(struct slice text, struct slice value, bool packed) {
    struct meta meta = { 0 };
    uint64_t length = 0, hash = 0;
    bool has_length = false, has_hash = false;
    int64_t serve_until_ms = 0, refresh_until_ms = 0;
    while (text.size > 0) {
        struct slice item = next_item(&text);
        struct slice number =
            item.size > 2 && item.data[1] == '=' ? slice_of(item.data + 2, item.size - 2) : slice_of("", 0);
        if (item.size == 1 && item.data[0] == 'a')
            meta.absent = true;
        else if (number.size == 0)
            continue;
        else if (item.data[0] == 'e' && (number.size != 16 || !text_read_number(number, 16, &meta.epoch)))
            meta.epoch = 0;
        else if (item.data[0] == 's')
            meta.fresh_until_ms = read_time(number);
        else if (item.data[0] == 'r')
            refresh_until_ms = read_time(number);
        else if (item.data[0] == 'd')
            meta.load_ms = read_time(number);
        else if (item.data[0] == 't')
            serve_until_ms = read_time(number);
        else if (item.data[0] == 'n')
            has_length = text_read_number(number, 10, &length);
        else if (item.data[0] == 'h')
            has_hash = number.size == 16 && text_read_number(number, 16, &hash);
    }
    bool alone = packed && !has_length && !has_hash;
    bool fits = has_length && has_hash && length == value.size && hash == hash64(value.data, value.size, 0);
    if (!alone && !fits)
        meta = (struct meta){ 0 };
    meta.marked = serve_until_ms > 0;
    meta.refresh_until_ms = refresh_until_ms;
    return meta;
}
