/* Any bytes as the meta of any value: it says something only where length and hash are the value's, unknown items
 * around it change nothing, and what is written is read again.
 *
 * The first byte is the size of the value, the rest is value and meta. */
#include "backend/redis/meta.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"
#include "target.h"

static bool same(struct meta a, struct meta b) {
    return a.epoch == b.epoch && a.absent == b.absent && a.fresh_until_ms == b.fresh_until_ms;
}

/* Whatever stands there: without these two it would be another value's. */
static void check_belongs(struct slice text, struct slice value) {
    char hash[TEXT_HEX_SIZE + 1], digits[TEXT_NUMBER_SIZE];
    *text_put_hex(hash, hash64(value.data, value.size, 0)) = '\0';
    check(slice_contains(text, slice_of_text(hash)));
    check(slice_contains(text, slice_of_text(text_of_number(digits, (int64_t)value.size))));
}

static void check_among_unknown_items(struct slice text, struct slice value, struct meta expected) {
    static const char before[] = "x=1;;zz;", after[] = ";y=e=1;q";
    size_t size = sizeof before - 1 + text.size + sizeof after - 1;
    char *more = mem_alloc(size);
    check(more != NULL);
    memcpy(more, before, sizeof before - 1);
    if (text.size > 0)
        memcpy(more + sizeof before - 1, text.data, text.size);
    memcpy(more + size - (sizeof after - 1), after, sizeof after - 1);
    check(same(meta_read(slice_of(more, size), value, false), expected));
    mem_free(more);
}

static void check_written(struct meta meta, struct slice value) {
    char text[META_SIZE_MAX];
    size_t size = meta_write(text, &meta, &value);
    check(size <= sizeof text);
    check(same(meta_read(slice_of(text, size), value, false), meta));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = { data, size };
    size_t value_size = input_byte(&input);
    value_size = value_size < input.left ? value_size : input.left;
    struct slice value = slice_of(input.at, value_size);
    struct slice text = slice_of(input.at + value_size, input.left - value_size);
    struct meta meta = meta_read(text, value, false);
    if (!same(meta, (struct meta){ 0 }))
        check_belongs(text, value);
    check_among_unknown_items(text, value, meta);
    meta.fresh_until_ms = 0; /* the scripts write it */
    check_written(meta, value);
    check_written((struct meta){ .epoch = hash64(data, size, 1), .absent = size % 2 != 0 }, value);
    return 0;
}
