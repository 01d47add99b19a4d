#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>

struct blob *text_join(const char *first, ...) {
    size_t size = 0;
    va_list parts;
    va_start(parts, first);
    for (const char *part = first; part != NULL; part = va_arg(parts, const char *))
        size += strlen(part);
    va_end(parts);
    struct blob *blob = blob_new(size);
    if (blob == NULL)
        return NULL;
    char *at = blob->data;
    va_start(parts, first);
    for (const char *part = first; part != NULL; part = va_arg(parts, const char *)) {
        size_t length = strlen(part);
        memcpy(at, part, length);
        at += length;
    }
    va_end(parts);
    return blob;
}

struct blob *text_of_key(struct slice key) {
    enum { LENGTH_MAX = 64 };
    static const char digits[] = "0123456789abcdef";
    char text[LENGTH_MAX + 8];
    size_t length = 0;
    for (size_t i = 0; i < key.size; i++) {
        if (length >= LENGTH_MAX) {
            memcpy(text + length, "...", 3);
            length += 3;
            break;
        }
        unsigned char byte = (unsigned char)key.data[i];
        if (byte >= 0x20 && byte < 0x7F) {
            text[length++] = (char)byte;
            continue;
        }
        text[length++] = '\\';
        text[length++] = 'x';
        text[length++] = digits[byte >> 4];
        text[length++] = digits[byte & 15];
    }
    return blob_copy(text, length);
}

char *text_put_hex(char *at, uint64_t number) {
    for (int shift = 60; shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[number >> shift & 15];
    return at;
}

char *text_put_number(char *at, uint64_t number) {
    size_t size = 1;
    for (uint64_t rest = number; rest >= 10; rest /= 10)
        size++;
    for (char *digit = at + size; digit > at; number /= 10)
        *--digit = (char)('0' + number % 10);
    return at + size;
}

const char *text_of_number(char *buffer, int64_t number) {
    char *at = buffer;
    if (number < 0)
        *at++ = '-';
    *text_put_number(at, number < 0 ? 0 - (uint64_t)number : (uint64_t)number) = '\0';
    return buffer;
}

bool text_read_number(struct slice digits, unsigned base, uint64_t *number) {
    uint64_t read = 0, most = UINT64_MAX / base; /* to be read on from; one division is enough */
    *number = 0;
    for (size_t i = 0; i < digits.size; i++) {
        char c = digits.data[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 99;
        if (digit >= base || read > most || read * base > UINT64_MAX - digit)
            return false;
        read = read * base + digit;
    }
    *number = read;
    return digits.size > 0;
}
