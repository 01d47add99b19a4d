#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Continuation bytes of UTF-8 are 10xxxxxx: what is cut inside a character loses the character. */
static void cut_whole(char *text, size_t size) {
    while (size > 0 && ((unsigned char)text[size - 1] & 0xC0) == 0x80)
        size--;
    if (size > 0 && (unsigned char)text[size - 1] >= 0xC0)
        size--;
    text[size] = '\0';
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
