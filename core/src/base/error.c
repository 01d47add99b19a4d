#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Continuation bytes of UTF-8 are 10xxxxxx: back to the byte that begins the last character, which tells its width. */
static void cut_whole(char *text, size_t size) {
    size_t last = size > 0 ? size - 1 : 0;
    while (last > 0 && ((unsigned char)text[last] & 0xC0) == 0x80)
        last--;
    unsigned char first = (unsigned char)text[last];
    size_t width = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
    text[last + width > size ? last : size] = '\0';
}

int32_t error_set(rcache_error *err, int32_t status, const char *format, ...) {
    if (err == NULL)
        return status;
    err->status = status;
    va_list args;
    va_start(args, format);
    int needed = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    if (needed < 0)
        err->message[0] = '\0';
    else if ((size_t)needed >= sizeof err->message)
        cut_whole(err->message, sizeof err->message - 1);
    return status;
}
