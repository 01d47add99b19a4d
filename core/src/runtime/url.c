/* Passwords hold what they like, so a URL may not be cut where its author meant: what stands behind a '/' or '?' in
 * a password would show up as port, path or option.  Hence the rule that an '@' counts before the host only, and
 * messages that name the part that is wrong without repeating it. */
#include "runtime/url.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "runtime/part.h"
#include "runtime/quantity.h"

enum { PORT_DEFAULT = 6379, SENTINEL_PORT_DEFAULT = 26379, PORT_MAX = 65535, DATABASE_MAX = 65535 };
enum { SOCKET_PATH_MAX = 107 }; /* of sockaddr_un's 108 bytes the last is a NUL */
enum { SCHEME_SIZE_MAX = 32 };  /* what is longer is no scheme, and would fill the message */

#define RIGHT_FORM "memory:// or redis://user:password@host:6379/0"

static const struct known_scheme {
    const char *name;
    enum scheme scheme;
    bool tls;
} known_schemes[] = {
    { "memory", SCHEME_MEMORY, false },           { "unix", SCHEME_UNIX, false },
    { "redis", SCHEME_REDIS, false },             { "valkey", SCHEME_REDIS, false },
    { "rediss", SCHEME_REDIS, true },             { "valkeys", SCHEME_REDIS, true },
    { "redis+cluster", SCHEME_CLUSTER, false },   { "valkey+cluster", SCHEME_CLUSTER, false },
    { "rediss+cluster", SCHEME_CLUSTER, true },   { "valkeys+cluster", SCHEME_CLUSTER, true },
    { "redis+sentinel", SCHEME_SENTINEL, false }, { "valkey+sentinel", SCHEME_SENTINEL, false },
    { "rediss+sentinel", SCHEME_SENTINEL, true }, { "valkeys+sentinel", SCHEME_SENTINEL, true },
};
#define SCHEMES "memory, unix, redis, redis+cluster, redis+sentinel; by TLS rediss, rediss+cluster, rediss+sentinel"

struct parts {
    struct slice user; /* what is before the '@' */
    bool has_user;
    struct slice host; /* and port */
    struct slice path;
    struct slice query;
};

/* ---- where to cut ---- */

static int32_t find_scheme(struct slice name, struct endpoint *endpoint, rcache_error *err) {
    for (size_t i = 0; i < sizeof known_schemes / sizeof known_schemes[0]; i++) {
        const struct known_scheme *known = &known_schemes[i];
        if (!slice_equal(name, slice_of_text(known->name)))
            continue;
        endpoint->scheme = known->scheme;
        endpoint->tls = known->tls;
        return RCACHE_OK;
    }
    return error_set(err, RCACHE_E_INVALID, "unknown scheme '%.*s'; there are " SCHEMES, (int)name.size, name.data);
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
    struct slice authority = part_take_until(&rest, "/?#");
    if (memchr(rest.data, '@', rest.size) != NULL)
        return error_set(err, RCACHE_E_INVALID,
                         "the URL has an '@' behind its host; in user, password, path and options write "
                         "'/' as %%2F, '?' as %%3F, '#' as %%23 and '@' as %%40");
    parts->path = part_take_until(&rest, "?#");
    if (rest.size > 0 && rest.data[0] == '?')
        part_drop_first(&rest);
    parts->query = part_take_until(&rest, "#");
    if (rest.size > 0)
        return error_set(err, RCACHE_E_INVALID, "a '#' has no meaning in the URL; write it as %%23");
    parts->host = authority;
    parts->has_user = part_split_at_last(authority, '@', &parts->user, &parts->host);
    return RCACHE_OK;
}

/* ---- the parts ---- */

/* A user without a password gets an empty one, as only who has a password is authenticated at all. */
static int32_t parse_user(struct slice user, struct endpoint *endpoint, rcache_error *err) {
    struct slice name = part_take_until(&user, ":");
    if (name.size > 0) {
        int32_t status = part_copy_decoded(name, "user", &endpoint->username, err);
        if (status != RCACHE_OK)
            return status;
    }
    if (user.size > 0)
        part_drop_first(&user);
    if (user.size == 0 && name.size == 0)
        return RCACHE_OK;
    return part_copy_decoded(user, "password", &endpoint->password, err);
}

/* *text is left with what is behind the host: nothing, or ":port". */
static int32_t take_host(struct slice *text, struct slice *host, rcache_error *err) {
    if (text->size > 0 && text->data[0] == '[') {
        part_drop_first(text);
        *host = part_take_until(text, "]");
        if (text->size == 0 || memchr(host->data, ':', host->size) == NULL || !part_holds_only(*host, ":."))
            return error_set(err, RCACHE_E_INVALID, "the URL's host is no IPv6 address in brackets, such as [::1]");
        part_drop_first(text);
        return RCACHE_OK;
    }
    *host = part_take_until(text, ":");
    if (text->size > 0 && memchr(text->data + 1, ':', text->size - 1) != NULL)
        return error_set(err, RCACHE_E_INVALID, "the URL's host has more than one ':'; write an IPv6 address as [::1]");
    if (host->size == 0)
        return error_set(err, RCACHE_E_INVALID, "the URL has no host; write one as in redis://localhost:6379");
    if (!part_holds_only(*host, ".-_"))
        return error_set(err, RCACHE_E_INVALID,
                         "the URL's host may have letters, digits, '.', '-' and '_', as in redis://localhost:6379");
    return RCACHE_OK;
}

static int32_t parse_host(struct slice text, int64_t port, struct address *address, rcache_error *err) {
    struct slice host;
    int32_t status = take_host(&text, &host, err);
    if (status != RCACHE_OK)
        return status;
    bool good = text.size == 0;
    if (!good && text.data[0] == ':')
        good = quantity_integer(slice_of(text.data + 1, text.size - 1), &port) && port >= 1 && port <= PORT_MAX;
    if (!good)
        return error_set(err, RCACHE_E_INVALID, "the URL's port is no number in 1..%d; write redis://host:%d", PORT_MAX,
                         PORT_DEFAULT);
    address->port = (uint16_t)port;
    return part_copy_decoded(host, "host", &address->host, err);
}

static size_t count_of(struct slice text, char c) {
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == c;
    return count;
}

/* "host:port,host:port" */
static int32_t parse_hosts(struct slice text, int64_t port, struct endpoint *endpoint, rcache_error *err) {
    size_t more = count_of(text, ',');
    int32_t status = parse_host(part_take_until(&text, ","), port, &endpoint->first, err);
    if (status != RCACHE_OK || more == 0)
        return status;
    endpoint->more = mem_alloc_zeroed(more, sizeof endpoint->more[0]);
    if (endpoint->more == NULL)
        return error_set(err, RCACHE_E_NOMEM, "no memory for the URL's hosts");
    while (status == RCACHE_OK && text.size > 0) {
        part_drop_first(&text);
        status = parse_host(part_take_until(&text, ","), port, &endpoint->more[endpoint->more_count++], err);
    }
    return status;
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
    int32_t status = part_copy_decoded(parts->path, "path", &endpoint->first.host, err);
    if (status == RCACHE_OK && strlen(endpoint->first.host) > SOCKET_PATH_MAX)
        return error_set(err, RCACHE_E_INVALID, "the URL's path is longer than the %d bytes that a socket's may have",
                         SOCKET_PATH_MAX);
    return status;
}

/* "/name/0" */
static int32_t parse_master(struct slice path, struct endpoint *endpoint, rcache_error *err) {
    if (path.size > 0)
        part_drop_first(&path);
    struct slice name = part_take_until(&path, "/");
    if (name.size == 0)
        return error_set(err, RCACHE_E_INVALID,
                         "the URL names no master; write redis+sentinel://host:26379/mymaster/0");
    int32_t status = part_copy_decoded(name, "master", &endpoint->master, err);
    if (status != RCACHE_OK || path.size <= 1)
        return status;
    part_drop_first(&path);
    return parse_database(path, endpoint, err);
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
        status = parse_host(parts->host, PORT_DEFAULT, &endpoint->first, err);
        if (status != RCACHE_OK || parts->path.size <= 1)
            return status;
        return parse_database(slice_of(parts->path.data + 1, parts->path.size - 1), endpoint, err);
    case SCHEME_CLUSTER:
        if (parts->path.size > 1 && !slice_equal(parts->path, slice_of_text("/0")))
            return error_set(err, RCACHE_E_INVALID, "a cluster has no databases: leave the URL's path out");
        return parse_hosts(parts->host, PORT_DEFAULT, endpoint, err);
    case SCHEME_SENTINEL:
        status = parse_hosts(parts->host, SENTINEL_PORT_DEFAULT, endpoint, err);
        return status == RCACHE_OK ? parse_master(parts->path, endpoint, err) : status;
    }
    return RCACHE_OK;
}

static bool has_database(struct slice path, enum scheme scheme) {
    if (scheme == SCHEME_SENTINEL && path.size > 0) {
        part_drop_first(&path);
        part_take_until(&path, "/");
    }
    return scheme != SCHEME_UNIX && path.size > 1;
}

/* `db` is no option, as it is part of where to connect: it says what the path of a redis:// URL says. */
static int32_t take_database(const struct parts *parts, const char *value, struct endpoint *endpoint,
                             rcache_error *err) {
    if (endpoint->scheme == SCHEME_MEMORY || endpoint->scheme == SCHEME_CLUSTER)
        return error_set(err, RCACHE_E_INVALID, "%s has no databases; leave 'db' out",
                         endpoint->scheme == SCHEME_MEMORY ? "memory://" : "a cluster");
    bool in_path = has_database(parts->path, endpoint->scheme);
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
        struct slice value = part_take_until(&query, "&");
        if (query.size > 0)
            part_drop_first(&query);
        if (value.size == 0)
            continue;
        struct slice name = part_take_until(&value, "=");
        if (value.size == 0)
            return error_set(err, RCACHE_E_INVALID, "an option of the URL has no '='; write name=value&name=value");
        part_drop_first(&value);
        char *value_text = part_decode(name, to);
        char *end = value_text != NULL ? part_decode(value, value_text) : NULL;
        if (end == NULL)
            return part_decode_failed("options", err);
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
    if (scheme.size == 0 || scheme.size > SCHEME_SIZE_MAX || !part_holds_only(scheme, "+-."))
        return error_set(err, RCACHE_E_INVALID, "the URL has no scheme; write " RIGHT_FORM);
    struct parts parts = { 0 };
    status = find_scheme(scheme, &url->endpoint, err);
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
    mem_free(endpoint->first.host);
    for (size_t i = 0; i < endpoint->more_count; i++)
        mem_free(endpoint->more[i].host);
    mem_free(endpoint->more);
    mem_free(endpoint->master);
    mem_free(endpoint->username);
    mem_free(endpoint->password);
    *endpoint = (struct endpoint){ 0 };
}

struct blob *address_url(const struct address *address, bool tls) {
    if (address->port == 0)
        return text_join("unix://", address->host, (const char *)NULL);
    char port[TEXT_NUMBER_SIZE];
    bool brackets = strchr(address->host, ':') != NULL;
    return text_join(tls ? "rediss://" : "redis://", brackets ? "[" : "", address->host, brackets ? "]:" : ":",
                     text_of_number(port, address->port), (const char *)NULL);
}
