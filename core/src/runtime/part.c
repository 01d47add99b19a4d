#include "runtime/part.h"

#include "base/alloc.h"
#include "base/error.h"

struct slice part_take_until(struct slice *text, const char *stops) {
    size_t size = 0;
    while (size < text->size && strchr(stops, text->data[size]) == NULL)
        size++;
    struct slice taken = slice_of(text->data, size);
    *text = slice_of(text->data + size, text->size - size);
    return taken;
}

bool part_split_at_last(struct slice text, char c, struct slice *before, struct slice *behind) {
    for (size_t i = text.size; i > 0; i--) {
        if (text.data[i - 1] == c) {
            *before = slice_of(text.data, i - 1);
            *behind = slice_of(text.data + i, text.size - i);
            return true;
        }
    }
    return false;
}

void part_drop_first(struct slice *text) {
    *text = slice_of(text->data + 1, text->size - 1);
}

static bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool part_holds_only(struct slice text, const char *others) {
    for (size_t i = 0; i < text.size; i++)
        if (!is_alphanumeric(text.data[i]) && strchr(others, text.data[i]) == NULL)
            return false;
    return true;
}

/* ---- percent-decoding ---- */

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *part_decode(struct slice text, char *to) {
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '%') {
            if (text.size - i < 3)
                return NULL;
            int high = hex_value(text.data[i + 1]), low = hex_value(text.data[i + 2]);
            if (high < 0 || low < 0 || high + low == 0)
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        }
        *to++ = c;
    }
    *to++ = '\0';
    return to;
}

int32_t part_decode_failed(const char *part, rcache_error *err) {
    return error_set(err, RCACHE_E_INVALID,
                     "a '%%' in the URL's %s is not followed by two hex digits other than 00; write the '%%' as %%25",
                     part);
}

int32_t part_copy_decoded(struct slice text, const char *part, char **copy, rcache_error *err) {
    *copy = mem_alloc(text.size + 1);
    if (*copy == NULL)
        return error_set(err, RCACHE_E_NOMEM, "no memory for the URL's %s", part);
    return part_decode(text, *copy) != NULL ? RCACHE_OK : part_decode_failed(part, err);
}
