#include "backend/redis/found.h"

#include "backend/redis/packed.h"

static struct slice text_of(const struct resp *resp) {
    return resp->type == RESP_TEXT ? resp->text : slice_of(NULL, 0);
}

static bool is_text_or_nil(const struct resp *resp) {
    return resp->type == RESP_TEXT || resp->type == RESP_NIL;
}

bool found_in_array(const struct resp *resp, size_t lease, size_t meta, struct found *found) {
    if (resp->type != RESP_ARRAY || resp->count != meta + 1 || !is_text_or_nil(&resp->items[0]))
        return false;
    const struct resp *value = &resp->items[0];
    *found = (struct found){ .text = value->type == RESP_TEXT ? value : NULL,
                             .value_size = value->text.size,
                             .meta = text_of(&resp->items[meta]) };
    if (lease > 0) {
        found->lease = text_of(&resp->items[lease]);
        found->leased = resp->items[lease].type != RESP_NIL;
    }
    return true;
}

bool found_in_string(const struct resp *resp, struct found *found) {
    struct packed packed = { .has_value = true, .value = resp->text };
    if (!is_text_or_nil(resp))
        return false;
    bool there = resp->type == RESP_TEXT, entry = there && packed_read(resp->text, &packed);
    *found = (struct found){ .text = there && packed.has_value ? resp : NULL,
                             .value_size = packed.value.size,
                             .lease = packed.lease,
                             .meta = packed.meta,
                             .leased = packed.lease.size > 0,
                             .packed = true,
                             .foreign = there && !entry };
    return true;
}

struct meta found_meta(const struct found *found) {
    struct slice value = found->text != NULL ? slice_of(found->text->text.data, found->value_size) : slice_of(NULL, 0);
    return meta_read(found->meta, value, found->packed);
}

bool found_take(const struct found *found, struct blob **value) {
    *value = NULL;
    if (found->text == NULL)
        return true;
    if (found->text->blob == NULL) {
        *value = blob_copy(found->text->text.data, found->value_size);
        return *value != NULL;
    }
    *value = blob_share(found->text->blob);
    if (found->value_size < (*value)->size)
        blob_cut(*value, found->value_size);
    return true;
}
