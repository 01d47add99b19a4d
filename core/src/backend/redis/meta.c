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
    size_t size = (size_t)(at - text);
    if (size > 0)
        memmove(text, text + 1, --size);
    return size;
}

static bool read_number(struct slice digits, unsigned base, uint64_t *number) {
    *number = 0;
    for (size_t i = 0; i < digits.size; i++) {
        char c = digits.data[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 99;
        if (digit >= base || *number > (UINT64_MAX - digit) / base)
            return false;
        *number = *number * base + digit;
    }
    return digits.size > 0;
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

struct meta meta_read(struct slice text, struct slice value, bool packed) {
    struct meta meta = { 0, false };
    uint64_t length = 0, hash = 0;
    bool has_length = false, has_hash = false;
    while (text.size > 0) {
        struct slice item = next_item(&text);
        struct slice number =
            item.size > 2 && item.data[1] == '=' ? slice_of(item.data + 2, item.size - 2) : slice_of("", 0);
        if (item.size == 1 && item.data[0] == 'a')
            meta.absent = true;
        else if (number.size == 0)
            continue;
        else if (item.data[0] == 'e' && (number.size != 16 || !read_number(number, 16, &meta.epoch)))
            meta.epoch = 0;
        else if (item.data[0] == 'n')
            has_length = read_number(number, 10, &length);
        else if (item.data[0] == 'h')
            has_hash = number.size == 16 && read_number(number, 16, &hash);
    }
    if (packed && !has_length && !has_hash)
        return meta;
    bool fits = has_length && has_hash && length == value.size && hash == hash64(value.data, value.size, 0);
    return fits ? meta : (struct meta){ 0, false };
}
