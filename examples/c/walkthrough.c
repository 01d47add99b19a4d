/* walkthrough: the product in a minute, in C.
 *
 *     cc -o walkthrough walkthrough.c $(pkg-config --cflags --libs resilicache) && ./walkthrough [URL]
 *
 * Runs on memory:// or, with a URL, on a server; touches only keys below its own prefix, and removes them at the
 * end. */
#include <resilicache.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define USER "user:01J61BPPHMFH9VSF2T1R2ZXDA2"
#define USERS "user:01J61C9MEMuser:01J61CH3XEuser:01J61CHNPX"
#define TTL_MS 10000

static const uint32_t user_size = sizeof USER - 1, user_sizes[] = { 15, 15, 15 };

/* Stands for a real one: to be asked as rarely as possible. */
struct database {
    int version;
    int reads;
    char asked[16]; /* by the last load: the positions of its keys */
};

static void show(const char *what, const char *value, const char *expected) {
    printf("  %-46s %s\n", what, value);
    if (strcmp(value, expected) == 0)
        return;
    printf("\nThis is not what should have happened.  %s: expected %s\n", what, expected);
    exit(1);
}

/* The loader: called on the thread that fetches, for the keys that this caller is to load. */
static void read_rows(rcache_load *load, void *arg) {
    struct database *database = arg;
    char row[32];
    database->reads++;
    database->asked[0] = '\0';
    for (size_t i = 0; i < rcache_load_count(load); i++) {
        size_t position = rcache_load_position(load, i);
        int size = snprintf(row, sizeof row, "tester_%zu v%d", position, database->version);
        rcache_load_value(load, i, row, (size_t)size, 0);
        snprintf(database->asked + strlen(database->asked), 3, "%zu ", position);
    }
    rcache_load_finish(load);
}

static void database_is_away(rcache_load *load, void *arg) {
    (void)arg;
    rcache_load_fail(load, 0, "no connection to the database");
    rcache_load_finish(load);
}

/* What came of one key, in words: its value, "(none)", or the message. */
static const char *text_of(rcache_result *result) {
    static char text[256];
    rcache_value value;
    rcache_result_values(result, &value, 1);
    if (value.outcome == RCACHE_FAILED)
        snprintf(text, sizeof text, "%s", rcache_result_message(result, 0));
    else if (value.outcome == RCACHE_DONE)
        snprintf(text, sizeof text, "done");
    else if (value.outcome == RCACHE_ABSENT)
        snprintf(text, sizeof text, "(none)");
    else
        snprintf(text, sizeof text, "%.*s", (int)value.size, value.size > 0 ? (const char *)value.data : "");
    rcache_result_free(result);
    return text;
}

static const char *run(rcache_op *op) {
    rcache_result *result;
    rcache_op_run(op, NULL, NULL, &result);
    return text_of(result);
}

static const char *fetch(rcache *cache, struct database *database, uint32_t flags) {
    const rcache_call call = { .struct_size = sizeof call, .flags = flags };
    rcache_result *result;
    rcache_fetch(cache, RCACHE_STR(USER), TTL_MS, read_rows, database, &call, &result);
    return text_of(result);
}

static void one_key(rcache *cache, struct database *database) {
    const uint32_t value_size = 6;
    printf("\nOne key: the value in the cache, the truth in the database\n");
    show("set", run(rcache_op_set(cache, USER, &user_size, "tester", &value_size, 1, TTL_MS, NULL)), "done");
    show("get", run(rcache_op_get(cache, USER, &user_size, 1, NULL)), "tester");
    show("delete", run(rcache_op_delete(cache, USER, &user_size, 1, NULL)), "done");
    show("get", run(rcache_op_get(cache, USER, &user_size, 1, NULL)), "(none)");
    show("fetch: the loader runs", fetch(cache, database, 0), "tester_0 v1");
    show("fetch: from the cache", fetch(cache, database, 0), "tester_0 v1");
    show("the database was read", database->reads == 1 ? "once" : "more than once", "once");
}

static void invalidation(rcache *cache, struct database *database) {
    printf("\nThe row changes: the writer commits, then tags the key as deleted\n");
    database->version = 2;
    show("tag as deleted", run(rcache_op_invalidate(cache, USER, &user_size, 1, NULL)), "done");
    show("fetch, strong: never the old value", fetch(cache, database, RCACHE_STRONG), "tester_0 v2");
}

static void locks(rcache *cache, struct database *database) {
    printf("\nA lock for update: nobody stores an old value while the row is being written\n");
    show("lock", run(rcache_op_lock(cache, USER, &user_size, 1, RCACHE_STR("writer 1"), 0, NULL)), "done");
    rcache_op *other = rcache_op_lock(cache, USER, &user_size, 1, RCACHE_STR("writer 2"), 0, NULL);
    int32_t status = rcache_op_run(other, NULL, NULL, NULL);
    show("another writer's lock", rcache_status_name(status), "RCACHE_E_LOST");
    database->version = 3;
    show("unlock", run(rcache_op_unlock(cache, USER, &user_size, 1, RCACHE_STR("writer 1"), NULL)), "done");
    show("fetch, strong", fetch(cache, database, RCACHE_STRONG), "tester_0 v3");
}

static void batch(rcache *cache, struct database *database) {
    rcache_value values[3];
    rcache_result *result;
    printf("\nThree keys at once: the loader is asked for those that are missing\n");
    rcache_op_run(rcache_op_fetch(cache, USERS, user_sizes, 3, TTL_MS, NULL), read_rows, database, &result);
    rcache_result_values(result, values, 3);
    char last[32];
    snprintf(last, sizeof last, "%.*s", (int)values[2].size, values[2].size > 0 ? (const char *)values[2].data : "");
    show("fetch three: the last", last, "tester_2 v3");
    show("the loader was asked for", database->asked, "0 1 2 ");
    rcache_result_free(result);
    show("all tagged as deleted", run(rcache_op_invalidate(cache, USERS, user_sizes, 3, NULL)), "done");
}

static void failure(rcache *cache) {
    rcache_result *result;
    printf("\nThe database is away: the caller is told why\n");
    rcache_fetch(cache, RCACHE_STR("nobody"), TTL_MS, database_is_away, NULL, NULL, &result);
    show("fetch", text_of(result), "'nobody': no connection to the database");
}

static rcache *open_cache(const char *url) {
    char prefix[64];
    rcache *cache = NULL;
    rcache_error err = RCACHE_ERROR_INIT;
    rcache_options *options = rcache_options_new();
    snprintf(prefix, sizeof prefix, "resilicache-walkthrough:%ld:%d:", (long)time(NULL), rand());
    if (rcache_options_set(options, "prefix", prefix, &err) != RCACHE_OK ||
        rcache_open(url, options, &cache, &err) != RCACHE_OK)
        fprintf(stderr, "%s\n", err.message);
    rcache_options_free(options);
    return cache;
}

int main(int argc, char **argv) {
    struct database database = { .version = 1 };
    rcache *cache = open_cache(argc > 1 ? argv[1] : "memory://");
    if (cache == NULL)
        return 1;
    one_key(cache, &database);
    invalidation(cache, &database);
    locks(cache, &database);
    batch(cache, &database);
    failure(cache);
    rcache_op_run(rcache_op_delete(cache, USER, &user_size, 1, NULL), NULL, NULL, NULL);
    rcache_op_run(rcache_op_delete(cache, USERS, user_sizes, 3, NULL), NULL, NULL, NULL);
    rcache_close(cache);
    printf("\nAll as it should be.\n");
    return 0;
}
