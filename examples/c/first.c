/* first: one row of a database, cached; and what a writer does when the row changes.
 *
 *     cc -o first first.c $(pkg-config --cflags --libs resilicache) && ./first redis://localhost:6379 */
#include <resilicache.h>

#include <stdio.h>
#include <string.h>

#define USER "first-example:user:1"

static const char *row = "tester"; /* stands for the database */

/* Called on the thread that fetches, and only if the value is to be loaded by this caller and no other. */
static void load_user(rcache_load *load, void *arg) {
    (void)arg;
    rcache_load_value(load, 0, row, strlen(row), 0); /* or rcache_load_absent, or rcache_load_fail */
    rcache_load_finish(load);
}

static int32_t show_user(rcache *cache) {
    rcache_result *result;
    rcache_value value;
    int32_t status = rcache_fetch(cache, RCACHE_STR(USER), 10 * 1000, load_user, NULL, NULL, &result);
    rcache_result_values(result, &value, 1);
    if (status != RCACHE_OK)
        fprintf(stderr, "%s: %s\n", rcache_status_name(status), rcache_result_message(result, 0));
    else
        printf("%s %.*s\n", value.outcome == RCACHE_LOADED ? "loaded" : "cached", (int)value.size,
               value.size > 0 ? (const char *)value.data : "");
    rcache_result_free(result);
    return status;
}

int main(int argc, char **argv) {
    rcache *cache;
    rcache_error err;
    if (rcache_open(argc > 1 ? argv[1] : "memory://", NULL, &cache, &err) != RCACHE_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    int32_t status = show_user(cache); /* loaded tester */
    if (status == RCACHE_OK)
        status = show_user(cache); /* cached tester */

    row = "Tester"; /* the database commits; then, before the writer reports success: */
    const uint32_t size = sizeof USER - 1;
    if (status == RCACHE_OK)
        status = rcache_op_run(rcache_op_invalidate(cache, USER, &size, 1, NULL), NULL, NULL, NULL);
    if (status == RCACHE_OK)
        status = show_user(cache); /* loaded Tester */
    rcache_close(cache);
    return status == RCACHE_OK ? 0 : 1;
}
