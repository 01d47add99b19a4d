/* Passwords hold what they like, so a URL may not be cut where its author meant: what stands behind a '/' or '?' in
 * a password would show up as port, path or option.  Hence the rule that an '@' counts before the host only, and
 * messages that name the part that is wrong without repeating it. */
#include "runtime/url.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "runtime/quantity.h"

enum { PORT_DEFAULT = 6379, PORT_MAX = 65535, DATABASE_MAX = 65535 };
enum { SOCKET_PATH_MAX = 107 }; /* of sockaddr_un's 108 bytes the last is a NUL */
enum { SCHEME_SIZE_MAX = 32 };  /* what is longer is no scheme, and would fill the message */

#define RIGHT_FORM "memory:// or redis://user:password@host:6379/0"

static const struct known_scheme {
    const char *name;
    enum scheme scheme;
    bool built;
} known_schemes[] = {
    { "memory", SCHEME_MEMORY, true },         { "redis", SCHEME_REDIS, true },
    { "valkey", SCHEME_REDIS, true },          { "unix", SCHEME_UNIX, true },
    { "rediss", SCHEME_REDIS, false },         { "valkeys", SCHEME_REDIS, false },
    { "redis+cluster", SCHEME_REDIS, false },  { "valkey+cluster", SCHEME_REDIS, false },
    { "redis+sentinel", SCHEME_REDIS, false }, { "valkey+sentinel", SCHEME_REDIS, false },
};
#define BUILT_SCHEMES "memory, redis, valkey, unix"

struct parts {
    struct slice user; /* what is before the '@' */
    bool has_user;
    struct slice host; /* and port */
    struct slice path;
    struct slice query;
};

/* The bytes before the first that is one of `stops`; *text is left with the rest. */
static struct slice take_until(struct slice *text, const char *stops) {
    size_t size = 0;
    while (size < text->size && strchr(stops, text->data[size]) == NULL)
        size++;
    struct slice taken = slice_of(text->data, size);
    *text = slice_of(text->data + size, text->size - size);
    return taken;
}

/* False if `c` does not occur; otherwise what is before its last occurrence, and what is behind. */
static bool split_at_last(struct slice text, char c, struct slice *before, struct slice *behind) {
    for (size_t i = text.size; i > 0; i--) {
        if (text.data[i - 1] == c) {
            *before = slice_of(text.data, i - 1);
            *behind = slice_of(text.data + i, text.size - i);
            return true;
        }
    }
    return false;
}

static void drop_first(struct slice *text) {
    *text = slice_of(text->data + 1, text->size - 1);
}

static bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool holds_only(struct slice text, const char *others) {
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

/* Writes at most text.size bytes and a NUL; returns where to go on, or NULL for what is no %XX or is %00. */
static char *decode(struct slice text, char *to) {
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

static int32_t decode_failed(const char *part, rcache_error *err) {
    return error_set(err, RCACHE_E_INVALID,
                     "a '%%' in the URL's %s is not followed by two hex digits other than 00; write the '%%' as %%25",
                     part);
}

static int32_t copy_decoded(struct slice text, const char *part, char **copy, rcache_error *err) {
    *copy = mem_alloc(text.size + 1);
    if (*copy == NULL)
        return error_set(err, RCACHE_E_NOMEM, "no memory for the URL's %s", part);
    return decode(text, *copy) != NULL ? RCACHE_OK : decode_failed(part, err);
}

/* ---- where to cut ---- */

static int32_t find_scheme(struct slice name, enum scheme *scheme, rcache_error *err) {
    for (size_t i = 0; i < sizeof known_schemes / sizeof known_schemes[0]; i++) {
        const struct known_scheme *known = &known_schemes[i];
        if (!slice_equal(name, slice_of_text(known->name)))
            continue;
        *scheme = known->scheme;
        if (known->built)
            return RCACHE_OK;
        return error_set(err, RCACHE_E_UNSUPPORTED, "the scheme '%s' is not in this build; it has " BUILT_SCHEMES,
                         known->name);
    }
    return error_set(err, RCACHE_E_INVALID, "unknown scheme '%.*s'; there are " BUILT_SCHEMES, (int)name.size,
                     name.data);
}

static int32_t check_bytes(const char *text, rcache_error *err) {
    if (text == NULL)
        return error_set(err, RCACHE_E_INVALID, "the URL is NULL; write one such as " RIGHT_FORM);
    if (strlen(text) > URL_SIZE_MAX)
        return error_set(err, RCACHE_E_INVALID, "the URL is longer than %d bytes; give options by rcache_options_set",
                         URL_SIZE_MAX);
    for (const char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7F)
            return error_set(err, RCACHE_E_INVALID,
                             "the URL has a space, line end or control character in it; write a space as %%20");
    return RCACHE_OK;
}

static int32_t split(struct slice rest, struct parts *parts, rcache_error *err) {
    struct slice authority = take_until(&rest, "/?#");
    if (memchr(rest.data, '@', rest.size) != NULL)
        return error_set(err, RCACHE_E_INVALID,
                         "the URL has an '@' behind its host; in user, password, path and options write "
                         "'/' as %%2F, '?' as %%3F, '#' as %%23 and '@' as %%40");
    parts->path = take_until(&rest, "?#");
    if (rest.size > 0 && rest.data[0] == '?')
        drop_first(&rest);
    parts->query = take_until(&rest, "#");
    if (rest.size > 0)
        return error_set(err, RCACHE_E_INVALID, "a '#' has no meaning in the URL; write it as %%23");
    parts->host = authority;
    parts->has_user = split_at_last(authority, '@', &parts->user, &parts->host);
    return RCACHE_OK;
}

/* ---- the parts ---- */

/* A user without a password gets an empty one, as only who has a password is authenticated at all. */
static int32_t parse_user(struct slice user, struct endpoint *endpoint, rcache_error *err) {
    struct slice name = take_until(&user, ":");
    if (name.size > 0) {
        int32_t status = copy_decoded(name, "user", &endpoint->username, err);
        if (status != RCACHE_OK)
            return status;
    }
    if (user.size > 0)
        drop_first(&user);
    if (user.size == 0 && name.size == 0)
        return RCACHE_OK;
    return copy_decoded(user, "password", &endpoint->password, err);
}

/* *text is left with what is behind the host: nothing, or ":port". */
static int32_t take_host(struct slice *text, struct slice *host, rcache_error *err) {
    if (text->size > 0 && text->data[0] == '[') {
        drop_first(text);
        *host = take_until(text, "]");
        if (text->size == 0 || memchr(host->data, ':', host->size) == NULL || !holds_only(*host, ":."))
            return error_set(err, RCACHE_E_INVALID, "the URL's host is no IPv6 address in brackets, such as [::1]");
        drop_first(text);
        return RCACHE_OK;
    }
    *host = take_until(text, ":");
    if (text->size > 0 && memchr(text->data + 1, ':', text->size - 1) != NULL)
        return error_set(err, RCACHE_E_INVALID, "the URL's host has more than one ':'; write an IPv6 address as [::1]");
    if (host->size == 0)
        return error_set(err, RCACHE_E_INVALID, "the URL has no host; write one as in redis://localhost:6379");
    if (!holds_only(*host, ".-_"))
        return error_set(err, RCACHE_E_INVALID,
                         "the URL's host may have letters, digits, '.', '-' and '_', as in redis://localhost:6379");
    return RCACHE_OK;
}

static int32_t parse_host(struct slice text, struct endpoint *endpoint, rcache_error *err) {
    struct slice host;
    int32_t status = take_host(&text, &host, err);
    if (status != RCACHE_OK)
        return status;
    int64_t port = PORT_DEFAULT;
    bool good = text.size == 0;
    if (!good && text.data[0] == ':')
        good = quantity_integer(slice_of(text.data + 1, text.size - 1), &port) && port >= 1 && port <= PORT_MAX;
    if (!good)
        return error_set(err, RCACHE_E_INVALID, "the URL's port is no number in 1..%d; write redis://host:%d", PORT_MAX,
                         PORT_DEFAULT);
    endpoint->port = (uint16_t)port;
    return copy_decoded(host, "host", &endpoint->host, err);
}

static int32_t parse_database(struct slice text, struct endpoint *endpoint, rcache_error *err) {
    int64_t database;
    if (!quantity_integer(text, &database) || database > DATABASE_MAX)
        return error_set(err, RCACHE_E_INVALID,
                         "the URL's database is no number in 0..%d; write redis://host:%d/1, or ?db=1", DATABASE_MAX,
                         PORT_DEFAULT);
    endpoint->database = (int32_t)database;
    return RCACHE_OK;
}

static int32_t parse_socket(const struct parts *parts, struct endpoint *endpoint, rcache_error *err) {
    if (parts->host.size > 0 || parts->path.size <= 1)
        return error_set(err, RCACHE_E_INVALID,
                         "a unix:// URL takes the whole path of a socket; write unix:///path/to.sock");
    int32_t status = copy_decoded(parts->path, "path", &endpoint->host, err);
    if (status == RCACHE_OK && strlen(endpoint->host) > SOCKET_PATH_MAX)
        return error_set(err, RCACHE_E_INVALID, "the URL's path is longer than the %d bytes that a socket's may have",
                         SOCKET_PATH_MAX);
    return status;
}

static int32_t parse_endpoint(const struct parts *parts, struct endpoint *endpoint, rcache_error *err) {
    int32_t status = parts->has_user ? parse_user(parts->user, endpoint, err) : RCACHE_OK;
    if (status != RCACHE_OK)
        return status;
    switch (endpoint->scheme) {
    case SCHEME_MEMORY:
        if (parts->has_user || parts->host.size > 0 || parts->path.size > 0)
            return error_set(err, RCACHE_E_INVALID,
                             "memory:// takes nothing but options; write memory:// or memory://?name=value");
        return RCACHE_OK;
    case SCHEME_UNIX:
        return parse_socket(parts, endpoint, err);
    case SCHEME_REDIS:
        status = parse_host(parts->host, endpoint, err);
        if (status != RCACHE_OK || parts->path.size <= 1)
            return status;
        return parse_database(slice_of(parts->path.data + 1, parts->path.size - 1), endpoint, err);
    }
    return RCACHE_OK;
}

/* `db` is no option, as it is part of where to connect: it says what the path of a redis:// URL says. */
static int32_t take_database(const struct parts *parts, const char *value, struct endpoint *endpoint,
                             rcache_error *err) {
    if (endpoint->scheme == SCHEME_MEMORY)
        return error_set(err, RCACHE_E_INVALID, "memory:// has no databases; leave 'db' out");
    bool in_path = endpoint->scheme == SCHEME_REDIS && parts->path.size > 1;
    int32_t before = endpoint->database;
    int32_t status = parse_database(slice_of_text(value), endpoint, err);
    if (status == RCACHE_OK && in_path && endpoint->database != before)
        return error_set(err, RCACHE_E_INVALID, "the URL names two databases, in its path and as 'db'; leave one out");
    return status;
}

static int32_t parse_query(const struct parts *parts, struct url *url, rcache_error *err) {
    struct slice query = parts->query;
    char *to = url->pairs = mem_alloc(query.size + 1); /* a NUL for each '=' and '&', and one at the end */
    if (to == NULL)
        return error_set(err, RCACHE_E_NOMEM, "no memory for the URL's options");
    while (query.size > 0) {
        struct slice value = take_until(&query, "&");
        if (query.size > 0)
            drop_first(&query);
        if (value.size == 0)
            continue;
        struct slice name = take_until(&value, "=");
        if (value.size == 0)
            return error_set(err, RCACHE_E_INVALID, "an option of the URL has no '='; write name=value&name=value");
        drop_first(&value);
        char *value_text = decode(name, to);
        char *end = value_text != NULL ? decode(value, value_text) : NULL;
        if (end == NULL)
            return decode_failed("options", err);
        if (strcmp(to, "db") != 0) {
            url->pair_count++;
            to = end;
            continue;
        }
        int32_t status = take_database(parts, value_text, &url->endpoint, err);
        if (status != RCACHE_OK)
            return status;
    }
    return RCACHE_OK;
}

int32_t url_parse(const char *text, struct url *url, rcache_error *err) {
    *url = (struct url){ 0 };
    int32_t status = check_bytes(text, err);
    if (status != RCACHE_OK)
        return status;
    const char *colon = strstr(text, "://");
    struct slice scheme = slice_of(text, colon != NULL ? (size_t)(colon - text) : 0);
    if (scheme.size == 0 || scheme.size > SCHEME_SIZE_MAX || !holds_only(scheme, "+-."))
        return error_set(err, RCACHE_E_INVALID, "the URL has no scheme; write " RIGHT_FORM);
    struct parts parts = { 0 };
    status = find_scheme(scheme, &url->endpoint.scheme, err);
    if (status == RCACHE_OK)
        status = split(slice_of_text(colon + 3), &parts, err);
    if (status == RCACHE_OK)
        status = parse_endpoint(&parts, &url->endpoint, err);
    if (status == RCACHE_OK)
        status = parse_query(&parts, url, err);
    if (status != RCACHE_OK)
        url_clear(url);
    return status;
}

void url_clear(struct url *url) {
    endpoint_clear(&url->endpoint);
    mem_free(url->pairs);
    *url = (struct url){ 0 };
}

void endpoint_clear(struct endpoint *endpoint) {
    mem_free(endpoint->host);
    mem_free(endpoint->username);
    mem_free(endpoint->password);
    *endpoint = (struct endpoint){ 0 };
}

struct blob *endpoint_address(const struct endpoint *endpoint) {
    if (endpoint->scheme == SCHEME_UNIX)
        return text_join("unix://", endpoint->host, (const char *)NULL);
    char port[TEXT_NUMBER_SIZE];
    bool brackets = strchr(endpoint->host, ':') != NULL;
    return text_join("redis://", brackets ? "[" : "", endpoint->host, brackets ? "]:" : ":",
                     text_of_number(port, endpoint->port), (const char *)NULL);
}
