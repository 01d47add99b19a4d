#include "backend/memory/inspect.h"

#include "base/buffer.h"
#include "base/text.h"

static const char *state_of(const struct entry *entry, int64_t now_ms) {
    switch (entry->lease) {
    case LEASE_NONE:
        return entry->value == NULL ? "empty" : entry->fresh_until_ms > now_ms ? "fresh" : "lapsed";
    case LEASE_VOID:
        return "invalidated";
    case LEASE_UNTIL:
        if (entry->lease_until_ms <= now_ms)
            return "invalidated";
        return entry->owner != NULL ? "leased" : "backoff";
    case LEASE_LOCKED:
        return "locked";
    }
    return "";
}

static bool add_number(struct buffer *text, const char *name, int64_t number) {
    char digits[TEXT_NUMBER_SIZE];
    return buffer_append_text(text, name) && buffer_append_text(text, text_of_number(digits, number)) &&
           buffer_append_text(text, "\n");
}

static bool add_owner(struct buffer *text, struct slice owner) {
    static const char digits[] = "0123456789abcdef";
    bool added = buffer_append_text(text, "owner ");
    for (size_t i = 0; i < owner.size; i++) {
        unsigned char byte = (unsigned char)owner.data[i];
        char escaped[] = { '\\', 'x', digits[byte >> 4], digits[byte & 15] };
        bool plain = byte >= 0x20 && byte < 0x7F && byte != '\\';
        added = added && buffer_append(text, plain ? &owner.data[i] : escaped, plain ? 1 : sizeof escaped);
    }
    return added && buffer_append_text(text, "\n");
}

/* What is left of the lease, or of the lock, which ends with the entry; -1: nothing, or no end. */
static int64_t lease_left_ms(const struct entry *entry, int64_t now_ms) {
    int64_t ends_ms = entry->lease == LEASE_LOCKED ? entry->expires_ms : entry->lease_until_ms;
    bool held = entry->lease == LEASE_LOCKED || entry->lease == LEASE_UNTIL;
    return held && ends_ms > now_ms && ends_ms < TIME_NEVER ? ends_ms - now_ms : -1;
}

static bool add_lines(struct buffer *text, const struct entry *entry, int64_t now_ms) {
    int64_t lease_ms = lease_left_ms(entry, now_ms);
    int64_t ttl_ms = entry->expires_ms == TIME_NEVER ? -1 : entry->expires_ms - now_ms;
    return buffer_append_text(text, "state ") && buffer_append_text(text, state_of(entry, now_ms)) &&
           buffer_append_text(text, "\n") &&
           (entry->value == NULL || add_number(text, "size ", (int64_t)entry->value->size)) &&
           (entry->value == NULL || !entry->absent || buffer_append_text(text, "absent yes\n")) &&
           add_number(text, "ttl_ms ", ttl_ms) &&
           (entry->fresh_until_ms == TIME_NEVER || add_number(text, "fresh_ms ", entry->fresh_until_ms - now_ms)) &&
           (lease_ms < 0 || add_number(text, "lease_ms ", lease_ms)) &&
           (entry->owner == NULL || add_owner(text, blob_slice(entry->owner)));
}

struct blob *inspect_entry(const struct entry *entry, int64_t now_ms) {
    struct buffer text = BUFFER_INIT;
    struct blob *blob = NULL;
    if (add_lines(&text, entry, now_ms))
        blob = blob_copy(buffer_slice(&text).data, text.size);
    buffer_clear(&text);
    return blob;
}
