/* Lines of name=value as options: what is taken once is taken again, and reaches settings or contradicts another. */
#include "base/alloc.h"
#include "runtime/settings.h"
#include "target.h"

#include <string.h>

static void set(rcache_options *options, const char *name, const char *value) {
    rcache_error err = RCACHE_ERROR_INIT;
    int32_t status = rcache_options_set(options, name, value, &err);
    check(status == RCACHE_OK || status == RCACHE_E_INVALID);
    check(status == err.status && (status == RCACHE_OK) == (err.message[0] == '\0'));
    check(rcache_options_set(options, name, value, NULL) == status);
    for (const char *at = err.message; *at != '\0'; at++)
        check(*at >= ' ' && *at < 0x7F);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = mem_alloc(size + 1);
    rcache_options *options = rcache_options_new();
    check(text != NULL && options != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    for (char *line = text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        char *value = strchr(line, '=');
        if (value != NULL)
            *value++ = '\0';
        set(options, line, value);
    }
    struct settings settings;
    rcache_error err = RCACHE_ERROR_INIT;
    int32_t status = settings_make("memory://", options, &settings, &err);
    check(status == RCACHE_OK || (status == RCACHE_E_INVALID && strstr(err.message, "longer than") != NULL));
    settings_clear(&settings);
    rcache_options_free(options);
    mem_free(text);
    return 0;
}
