/* URLs: every form that is taken, and for every other the message, which never has a secret in it. */
#include "runtime/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SECRET "hunter2"
#define SCHEMES "memory, unix, redis, redis+cluster, redis+sentinel; by TLS rediss, rediss+cluster, rediss+sentinel"

static const char *or_none(const char *text) {
    return text != NULL ? text : "-";
}

/* The URL taken apart: "scheme host port user password database", further hosts, a master, then its pairs; or the
 * message. */
static void describe(const char *text, char *description, size_t capacity) {
    static const char *const schemes[] = { "memory", "redis", "unix", "cluster", "sentinel" };
    struct url url;
    rcache_error err = RCACHE_ERROR_INIT;
    if (url_parse(text, &url, &err) != RCACHE_OK) {
        snprintf(description, capacity, "%s %s", rcache_status_name(err.status), err.message);
        return;
    }
    const struct endpoint *endpoint = &url.endpoint;
    int size = snprintf(description, capacity, "%s%s %s %d %s %s %d", schemes[endpoint->scheme],
                        endpoint->tls ? "+tls" : "", or_none(endpoint->first.host), endpoint->first.port,
                        or_none(endpoint->username), or_none(endpoint->password), endpoint->database);
    for (size_t i = 0; i < endpoint->more_count; i++)
        size += snprintf(description + size, capacity - (size_t)size, " %s:%d", endpoint->more[i].host,
                         endpoint->more[i].port);
    if (endpoint->master != NULL)
        size += snprintf(description + size, capacity - (size_t)size, " master %s", endpoint->master);
    const char *at = url.pairs;
    for (size_t i = 0; i < url.pair_count; i++) {
        const char *value = at + strlen(at) + 1;
        size += snprintf(description + size, capacity - (size_t)size, " %s=%s", at, value);
        at = value + strlen(value) + 1;
    }
    url_clear(&url);
    assert_null(url.endpoint.password);
}

static void check(const char *const (*examples)[2], size_t count) {
    for (size_t i = 0; i < count; i++) {
        char description[1024];
        describe(examples[i][0], description, sizeof description);
        if (strcmp(description, examples[i][1]) != 0)
            fail_msg("'%s' gives\n  %s\nnot\n  %s", examples[i][0], description, examples[i][1]);
    }
}

static void memory_takes_options_alone(void **state) {
    (void)state;
    const char *const examples[][2] = {
        { "memory://", "memory - 0 - - 0" },
        { "memory://?", "memory - 0 - - 0" },
        { "memory://?delay=1s&&prefix=a%26b%3D&", "memory - 0 - - 0 delay=1s prefix=a&b=" },
        { "memory://anything",
          "RCACHE_E_INVALID memory:// takes nothing but options; write memory:// or memory://?name=value" },
        { "memory:///",
          "RCACHE_E_INVALID memory:// takes nothing but options; write memory:// or memory://?name=value" },
        { "memory://user@",
          "RCACHE_E_INVALID memory:// takes nothing but options; write memory:// or memory://?name=value" },
        { "memory://?db=1", "RCACHE_E_INVALID memory:// has no databases; leave 'db' out" },
    };
    check(examples, COUNT(examples));
}

static void a_server_is_a_host_with_port_user_and_database(void **state) {
    (void)state;
    const char *const examples[][2] = {
        { "redis://localhost", "redis localhost 6379 - - 0" },
        { "redis://localhost/", "redis localhost 6379 - - 0" },
        { "valkey://cache-1.example_x.org:7000/15", "redis cache-1.example_x.org 7000 - - 15" },
        { "redis://user:password@10.0.0.1:1/65535", "redis 10.0.0.1 1 user password 65535" },
        { "redis://:password@host:65535", "redis host 65535 - password 0" },
        { "redis://user@host", "redis host 6379 user  0" },
        { "redis://user:@host", "redis host 6379 user  0" },
        { "redis://:@host", "redis host 6379 - - 0" },
        { "redis://@host", "redis host 6379 - - 0" },
        { "redis://u%40%3a:p%2F%3f%23%25@host", "redis host 6379 u@: p/?#% 0" },
        { "redis://u:p:q@r@host", "redis host 6379 u p:q@r 0" },
        { "redis://[::1]", "redis ::1 6379 - - 0" },
        { "redis://:p@[2001:db8::192.0.2.1]:6380/2", "redis 2001:db8::192.0.2.1 6380 - p 2" },
        { "rediss://user:p@host", "redis+tls host 6379 user p 0" },
        { "valkeys://[::1]:7000/1", "redis+tls ::1 7000 - - 1" },
        { "rediss+cluster://a,b", "cluster+tls a 6379 - - 0 b:6379" },
        { "valkeys+sentinel://a/name", "sentinel+tls a 26379 - - 0 master name" },
        { "redis://host?db=3", "redis host 6379 - - 3" },
        { "redis://host/3?db=3&delay=1s", "redis host 6379 - - 3 delay=1s" },
        { "redis://host?delay=1s&db=3&delay=2s&d%62=4&lock_expire=",
          "redis host 6379 - - 4 delay=1s delay=2s lock_expire=" },
        { "redis://host?prefix=a+b%20c%3A", "redis host 6379 - - 0 prefix=a+b c:" },
    };
    check(examples, COUNT(examples));
}

static void a_socket_is_a_path(void **state) {
    (void)state;
    const char *const examples[][2] = {
        { "unix:///path/to.sock", "unix /path/to.sock 0 - - 0" },
        { "unix:///path/to.sock?db=2&resp=2", "unix /path/to.sock 0 - - 2 resp=2" },
        { "unix://user:pass@/path", "unix /path 0 user pass 0" },
        { "unix://:pass@/a%20b%40c", "unix /a b@c 0 - pass 0" },
        { "unix://", "RCACHE_E_INVALID a unix:// URL takes the whole path of a socket; write unix:///path/to.sock" },
        { "unix:///", "RCACHE_E_INVALID a unix:// URL takes the whole path of a socket; write unix:///path/to.sock" },
        { "unix://path/to.sock",
          "RCACHE_E_INVALID a unix:// URL takes the whole path of a socket; write unix:///path/to.sock" },
    };
    check(examples, COUNT(examples));
}

static void a_path_fits_the_address_of_a_socket(void **state) {
    (void)state;
    char text[7 + 108 + 1] = "unix://", description[300];
    memset(text + 7, '/', 108);
    text[7 + 107] = '\0';
    describe(text, description, sizeof description);
    assert_memory_equal(description, "unix ////", 9);
    text[7 + 107] = '/';
    text[7 + 108] = '\0';
    describe(text, description, sizeof description);
    assert_string_equal(description,
                        "RCACHE_E_INVALID the URL's path is longer than the 107 bytes that a socket's may have");
}

static void a_cluster_has_some_hosts_and_no_database(void **state) {
    (void)state;
    const char *const examples[][2] = {
        { "redis+cluster://a:1,b,[::1]:3", "cluster a 1 - - 0 b:6379 ::1:3" },
        { "valkey+cluster://user:" SECRET "@a/0?delay=1s", "cluster a 6379 user " SECRET " 0 delay=1s" },
        { "redis+cluster://a/1", "RCACHE_E_INVALID a cluster has no databases: leave the URL's path out" },
        { "redis+cluster://a?db=1", "RCACHE_E_INVALID a cluster has no databases; leave 'db' out" },
        { "redis+cluster://a:1,:2",
          "RCACHE_E_INVALID the URL has no host; write one as in redis://localhost:6379" },
        { "redis+cluster://a:1,b:x",
          "RCACHE_E_INVALID the URL's port is no number in 1..65535; write redis://host:6379" },
    };
    check(examples, COUNT(examples));
}

static void sentinels_watch_a_master_by_its_name(void **state) {
    (void)state;
    const char *const examples[][2] = {
        { "redis+sentinel://a,b:2/mymaster", "sentinel a 26379 - - 0 b:2 master mymaster" },
        { "redis+sentinel://:" SECRET "@a/my%20master/3", "sentinel a 26379 - " SECRET " 3 master my master" },
        { "redis+sentinel://a?db=3", "RCACHE_E_INVALID the URL names no master; write "
                                     "redis+sentinel://host:26379/mymaster/0" },
        { "redis+sentinel://a/m?db=3", "sentinel a 26379 - - 3 master m" },
        { "redis+sentinel://a/m/2?db=3", "RCACHE_E_INVALID the URL names two databases, in its path and as 'db'; "
                                         "leave one out" },
        { "redis+sentinel://a/m/x", "RCACHE_E_INVALID the URL's database is no number in 0..65535; write "
                                    "redis://host:6379/1, or ?db=1" },
    };
    check(examples, COUNT(examples));
}

static void a_scheme_that_is_not_there_is_told_those_that_are(void **state) {
    (void)state;
    const char *const examples[][2] = {
        { "http://host", "RCACHE_E_INVALID unknown scheme 'http'; there are " SCHEMES },
    };
    check(examples, COUNT(examples));
}

static void what_is_no_url_is_shown_one(void **state) {
    (void)state;
    const char *const none =
        "RCACHE_E_INVALID the URL has no scheme; write memory:// or redis://user:password@host:6379/0";
    const char *const examples[][2] = {
        { NULL, "RCACHE_E_INVALID the URL is NULL; write one such as memory:// or redis://user:password@host:6379/0" },
        { "", none },
        { "localhost:6379", none },
        { "localhost", none },
        { "redis:/host", none },
        { "redis:host", none },
        { "://host", none },
        { "user:" SECRET "://host", none },
        { "a-scheme-longer-than-any-scheme-is://host", none },
        { "redis://local host",
          "RCACHE_E_INVALID the URL has a space, line end or control character in it; write a space as %20" },
        { "redis://localhost\n",
          "RCACHE_E_INVALID the URL has a space, line end or control character in it; write a space as %20" },
    };
    check(examples, COUNT(examples));
}

static void a_wrong_part_is_named(void **state) {
    (void)state;
    const char *const port = "RCACHE_E_INVALID the URL's port is no number in 1..65535; write redis://host:6379";
    const char *const no_host = "RCACHE_E_INVALID the URL has no host; write one as in redis://localhost:6379";
    const char *const database =
        "RCACHE_E_INVALID the URL's database is no number in 0..65535; write redis://host:6379/1, or ?db=1";
    const char *const brackets = "RCACHE_E_INVALID the URL's host is no IPv6 address in brackets, such as [::1]";
    const char *const examples[][2] = {
        { "redis://host:", port },          { "redis://host:0", port },     { "redis://host:65536", port },
        { "redis://host:redis", port },     { "redis://host:+1", port },    { "redis://[::1]6379", port },
        { "redis://", no_host },            { "redis://:6379", no_host },   { "redis://user@", no_host },
        { "redis:///1", no_host },          { "redis://host/65536", database }, { "redis://host/a", database },
        { "redis://host//1", database },    { "redis://host/1/", database }, { "redis://host/-1", database },
        { "redis://host?db=", database },   { "redis://host?db=x", database }, { "redis://[::1", brackets },
        { "redis://[]", brackets },         { "redis://[host]", brackets }, { "redis://[fe80::1%25eth0]", brackets },
        { "redis://::1:6379", "RCACHE_E_INVALID the URL's host has more than one ':'; write an IPv6 address as [::1]" },
        { "redis://a,b", "RCACHE_E_INVALID the URL's host may have letters, digits, '.', '-' and '_', "
                         "as in redis://localhost:6379" },
        { "redis://host/1?db=2",
          "RCACHE_E_INVALID the URL names two databases, in its path and as 'db'; leave one out" },
        { "redis://host?delay", "RCACHE_E_INVALID an option of the URL has no '='; write name=value&name=value" },
        { "redis://host/1#x", "RCACHE_E_INVALID a '#' has no meaning in the URL; write it as %23" },
        { "redis://host?prefix=%zz", "RCACHE_E_INVALID a '%' in the URL's options is not followed by two hex digits "
                                     "other than 00; write the '%' as %25" },
        { "redis://:a%0@host", "RCACHE_E_INVALID a '%' in the URL's password is not followed by two hex digits "
                               "other than 00; write the '%' as %25" },
        { "redis://a%00@host", "RCACHE_E_INVALID a '%' in the URL's user is not followed by two hex digits "
                               "other than 00; write the '%' as %25" },
    };
    check(examples, COUNT(examples));
}

static void no_message_has_the_password(void **state) {
    (void)state;
    const char *const bad[] = {
        "redis://user:" SECRET "@",          "redis://user:" SECRET "@host:0",       "redis://:" SECRET "%@host",
        "redis://:a/" SECRET "@host",        "redis://:a?" SECRET "=1@host",         "redis://:a#" SECRET "@host",
        "redis://:a?db=" SECRET "@host",     "redis://:a@b/" SECRET "@host",         "redis://:" SECRET,
        "redis://a:b:" SECRET,               "redis://[" SECRET,             "memory://:" SECRET "@",
        "rediss://:" SECRET "@host:x",       "nonsense://:" SECRET "@host",          "redis:" SECRET "@host",
        ":" SECRET "@host:6379",             "redis:/:" SECRET "@host",              "unix://:" SECRET "@",
        "redis://:" SECRET " x@host",        "redis://:" SECRET "@host?x",           "redis://:" SECRET "@host?a=%",
        "redis://:" SECRET "@host/x",        "redis://host:" SECRET "/0",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        char description[1024];
        describe(bad[i], description, sizeof description);
        if (strncmp(description, "RCACHE_E_", 9) != 0 || strstr(description, SECRET) != NULL ||
            strchr(description, '\n') != NULL)
            fail_msg("'%s' gives %s", bad[i], description);
    }
}

/* Without this rule each of these would connect to a host that is a part of the secret. */
static void an_at_sign_behind_the_host_is_refused(void **state) {
    (void)state;
    const char *const message = "RCACHE_E_INVALID the URL has an '@' behind its host; in user, password, path and "
                                "options write '/' as %2F, '?' as %3F, '#' as %23 and '@' as %40";
    const char *const examples[][2] = {
        { "redis://user:1/2?delay=" SECRET "@host", message }, { "redis://user?" SECRET "=1@host", message },
        { "redis://user#" SECRET "@host", message },           { "redis://user:1/0@host", message },
        { "unix:///a@b", message },                            { "memory://?prefix=a@b", message },
    };
    check(examples, COUNT(examples));
}

static void an_address_is_a_url_with_nothing_else(void **state) {
    (void)state;
    const char *const examples[][2] = {
        { "redis://user:" SECRET "@host/1?delay=1s", "redis://host:6379" },
        { "valkey://[::1]:7000", "redis://[::1]:7000" },
        { "rediss://host", "rediss://host:6379" },
        { "valkeys://:" SECRET "@host", "rediss://host:6379" },
        { "unix://:" SECRET "@/path?db=1", "unix:///path" },
    };
    for (size_t i = 0; i < COUNT(examples); i++) {
        struct url url;
        assert_int_equal(url_parse(examples[i][0], &url, NULL), RCACHE_OK);
        struct blob *address = address_url(&url.endpoint.first, url.endpoint.tls);
        assert_string_equal(address->data, examples[i][1]);
        blob_drop(address);
        url_clear(&url);
    }
}

static void a_url_has_at_most_8_kib(void **state) {
    (void)state;
    char text[URL_SIZE_MAX + 2];
    char description[URL_SIZE_MAX + 100];
    memset(text, 'a', sizeof text);
    memcpy(text, "memory://?prefix=", 17);
    text[URL_SIZE_MAX] = '\0';
    describe(text, description, sizeof description);
    assert_memory_equal(description, "memory - 0", 10);
    text[URL_SIZE_MAX] = 'a';
    text[URL_SIZE_MAX + 1] = '\0';
    describe(text, description, sizeof description);
    assert_string_equal(description,
                        "RCACHE_E_INVALID the URL is longer than 8192 bytes; give options by rcache_options_set");
}

static void the_error_may_be_null(void **state) {
    (void)state;
    struct url url;
    assert_int_equal(url_parse("redis://host:0", &url, NULL), RCACHE_E_INVALID);
    assert_null(url.pairs);
    assert_null(url.endpoint.first.host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_takes_options_alone),
        cmocka_unit_test(a_server_is_a_host_with_port_user_and_database),
        cmocka_unit_test(a_socket_is_a_path),
        cmocka_unit_test(a_path_fits_the_address_of_a_socket),
        cmocka_unit_test(a_cluster_has_some_hosts_and_no_database),
        cmocka_unit_test(sentinels_watch_a_master_by_its_name),
        cmocka_unit_test(a_scheme_that_is_not_there_is_told_those_that_are),
        cmocka_unit_test(what_is_no_url_is_shown_one),
        cmocka_unit_test(a_wrong_part_is_named),
        cmocka_unit_test(no_message_has_the_password),
        cmocka_unit_test(an_at_sign_behind_the_host_is_refused),
        cmocka_unit_test(an_address_is_a_url_with_nothing_else),
        cmocka_unit_test(a_url_has_at_most_8_kib),
        cmocka_unit_test(the_error_may_be_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
