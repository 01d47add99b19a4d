/* url: a URL taken apart, into where to connect and the options in its query. */
#ifndef RESILICACHE_RUNTIME_URL_H
#define RESILICACHE_RUNTIME_URL_H

#include "base/blob.h"
#include "runtime/settings.h"

enum { URL_SIZE_MAX = 8192 }; /* a bound for what is copied; no real URL comes near it */

struct url {
    struct endpoint endpoint;
    char *pairs; /* pair_count times a name, a NUL, a value, a NUL; percent-decoded; `db` went to the endpoint */
    size_t pair_count;
};

/* On failure *url holds nothing.  No message has a part of the URL in it but its scheme or the name of an option. */
int32_t url_parse(const char *text, struct url *url, rcache_error *err);
void url_clear(struct url *url);
void endpoint_clear(struct endpoint *endpoint);
/* As a URL with nothing else in it: redis://[::1]:6379, rediss://host:6379, unix:///path.  NULL for want of memory. */
struct blob *address_url(const struct address *address, bool tls);

#endif
