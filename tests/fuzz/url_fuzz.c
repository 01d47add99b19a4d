/* Any text as a URL, through to settings: whole or nothing, and messages of one printable line. */
#include "base/alloc.h"
#include "runtime/settings.h"
#include "target.h"

#include <string.h>

static void check_refusal(const struct settings *settings, int32_t status, const rcache_error *err) {
    check(status == RCACHE_E_INVALID || status == RCACHE_E_UNSUPPORTED);
    check(status == err->status && err->message[0] != '\0');
    for (const char *at = err->message; *at != '\0'; at++)
        check(*at >= ' ' && *at < 0x7F);
    check(settings->prefix == NULL && settings->endpoint.first.host == NULL);
    check(settings->endpoint.username == NULL && settings->endpoint.password == NULL);
}

static void check_settings(const struct settings *settings) {
    const struct endpoint *endpoint = &settings->endpoint;
    check((endpoint->first.host == NULL) == (endpoint->scheme == SCHEME_MEMORY));
    check((endpoint->first.port == 0) == (endpoint->scheme == SCHEME_MEMORY || endpoint->scheme == SCHEME_UNIX));
    check((endpoint->master != NULL) == (endpoint->scheme == SCHEME_SENTINEL));
    check(endpoint->database >= 0 && endpoint->database <= 65535);
    check(endpoint->username == NULL || endpoint->password != NULL);
    check(settings->prefix != NULL && strlen(settings->prefix) <= 1024);
    check(settings->connections >= 1 && settings->connections <= 64);
    check(settings->policy.lock_expire_ms >= 10);
    check(settings->policy.lock_expire_ms <= settings->policy.lock_expire_max_ms);
    check(settings->policy.random_expire_adjustment >= 0 && settings->policy.random_expire_adjustment <= 0.9);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = mem_alloc(size + 1);
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    struct settings settings;
    rcache_error err = RCACHE_ERROR_INIT;
    int32_t status = settings_make(text, NULL, &settings, &err);
    if (status == RCACHE_OK)
        check_settings(&settings);
    else
        check_refusal(&settings, status, &err);
    settings_clear(&settings);
    mem_free(text);
    return 0;
}
