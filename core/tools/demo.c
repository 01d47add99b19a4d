/* demo: the product in a minute.  Set, get, delete; fetch and tag as deleted; a batch; a stampede; an invalidation
 * under load.  Touches only keys below "resilicache-demo:" and removes them at the end. */
#define _POSIX_C_SOURCE 200809L
#include "tool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define KEY "resilicache-demo:user:1"
#define HOT "resilicache-demo:hot"
#define BATCH "resilicache-demo:user:2" "resilicache-demo:user:3" "resilicache-demo:user:4"

enum { TTL_MS = 10000, THREADS = 64, LOADER_MS = 50, READERS = 8 };

struct demo {
    rcache *cache;
    _Atomic int row;   /* the "database": one number */
    _Atomic int loads;
    _Atomic int wrong;
    _Atomic int reads;
    _Atomic bool over;
    bool slow;
    bool failed;
};

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* The loader: reads the row from the database.  One answer for each key of the load. */
static void load_row(rcache_load *load, void *arg) {
    struct demo *demo = arg;
    char row[32];
    demo->loads++;
    int size = snprintf(row, sizeof row, "row v%d", demo->row);
    if (demo->slow)
        pause_ms(LOADER_MS);
    for (size_t i = 0; i < rcache_load_count(load); i++)
        rcache_load_value(load, i, row, (size_t)size, 0);
    rcache_load_finish(load);
}

/* Runs the op and prints one line of it. */
static void show(struct demo *demo, const char *what, rcache_op *op, int32_t expected) {
    rcache_result *result;
    int before = demo->loads;
    int32_t status = rcache_op_run(op, load_row, demo, &result);
    rcache_value values[3];
    size_t count = rcache_result_values(result, values, 3);
    printf("  %-34s", what);
    for (size_t i = 0; i < count; i++) {
        const rcache_value *value = &values[i];
        printf(" %s", outcome_name(value->outcome));
        if (value->size > 0)
            printf(" \"%.*s\"", (int)value->size, (const char *)value->data);
        demo->failed |= value->outcome != expected;
    }
    if (demo->loads > before)
        printf("   (the loader ran)");
    if (status != RCACHE_OK)
        printf("   %s", rcache_result_message(result, 0));
    putchar('\n');
    rcache_result_free(result);
}

static void walk_through(struct demo *demo) {
    static const uint32_t one[] = { sizeof KEY - 1 }, three[] = { 23, 23, 23 }, value_size[] = { 6 };
    rcache *cache = demo->cache;
    puts("\nOne key: the value in the cache, the truth in the database");
    show(demo, "set", rcache_op_set(cache, KEY, one, "tester", value_size, 1, TTL_MS, NULL), RCACHE_DONE);
    show(demo, "get", rcache_op_get(cache, KEY, one, 1, NULL), RCACHE_HIT);
    show(demo, "delete", rcache_op_delete(cache, KEY, one, 1, NULL), RCACHE_DONE);
    show(demo, "get", rcache_op_get(cache, KEY, one, 1, NULL), RCACHE_ABSENT);
    show(demo, "fetch", rcache_op_fetch(cache, KEY, one, 1, TTL_MS, NULL), RCACHE_LOADED);
    show(demo, "fetch again", rcache_op_fetch(cache, KEY, one, 1, TTL_MS, NULL), RCACHE_HIT);
    demo->row++;
    puts("\nThe row changes to v2: the writer tags the key as deleted");
    rcache_call strong = { .struct_size = sizeof strong, .flags = RCACHE_STRONG };
    show(demo, "invalidate", rcache_op_invalidate(cache, KEY, one, 1, NULL), RCACHE_DONE);
    show(demo, "fetch, eventual: the old one once,", rcache_op_fetch(cache, KEY, one, 1, TTL_MS, NULL), RCACHE_STALE);
    show(demo, "  refreshed behind it", rcache_op_fetch(cache, KEY, one, 1, TTL_MS, NULL), RCACHE_HIT);
    show(demo, "invalidate", rcache_op_invalidate(cache, KEY, one, 1, NULL), RCACHE_DONE);
    show(demo, "fetch, strong: never the old one", rcache_op_fetch(cache, KEY, one, 1, TTL_MS, &strong), RCACHE_LOADED);
    puts("\nThree keys at once");
    show(demo, "fetch batch", rcache_op_fetch(cache, BATCH, three, 3, TTL_MS, NULL), RCACHE_LOADED);
    show(demo, "fetch batch again", rcache_op_fetch(cache, BATCH, three, 3, TTL_MS, NULL), RCACHE_HIT);
    show(demo, "invalidate batch", rcache_op_invalidate(cache, BATCH, three, 3, NULL), RCACHE_DONE);
}

static void *fetch_hot(void *arg) {
    struct demo *demo = arg;
    rcache_result *result;
    if (rcache_fetch(demo->cache, RCACHE_STR(HOT), TTL_MS, load_row, demo, NULL, &result) != RCACHE_OK)
        demo->wrong++;
    rcache_result_free(result);
    return NULL;
}

static void stampede(struct demo *demo) {
    pthread_t threads[THREADS];
    demo->loads = 0;
    demo->slow = true;
    printf("\nA stampede: %d threads want one cold key, the loader takes %d ms\n", THREADS, LOADER_MS);
    double began_ms = now_ms();
    int started = 0;
    while (started < THREADS && pthread_create(&threads[started], NULL, fetch_hot, demo) == 0)
        started++;
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    printf("  all served after %.1f ms; loader calls: %d\n", now_ms() - began_ms, demo->loads);
    demo->failed |= demo->loads != 1 || demo->wrong > 0 || started != THREADS;
    demo->slow = false;
}

/* What is read must never be older than the last write that was acknowledged before the read began. */
static void *read_strongly(void *arg) {
    struct demo *demo = arg;
    rcache_call strong = { .struct_size = sizeof strong, .flags = RCACHE_STRONG };
    while (!demo->over) {
        int acknowledged = demo->row;
        rcache_result *result;
        rcache_value value;
        int version = 0;
        int32_t status = rcache_fetch(demo->cache, RCACHE_STR(HOT), TTL_MS, load_row, demo, &strong, &result);
        rcache_result_values(result, &value, 1);
        char text[32] = "";
        memcpy(text, value.data != NULL ? value.data : "", value.size < sizeof text ? value.size : 0);
        if (status != RCACHE_OK || sscanf(text, "row v%d", &version) != 1 || version < acknowledged - 1)
            demo->wrong++;
        demo->reads++;
        rcache_result_free(result);
    }
    return NULL;
}

static void invalidate_under_load(struct demo *demo) {
    static const uint32_t size[] = { sizeof HOT - 1 };
    pthread_t readers[READERS];
    int writes = 0, started = 0;
    demo->loads = 0;
    demo->wrong = 0;
    printf("\nInvalidation under load: %d threads read strongly while the row is written 100 times\n", READERS);
    while (started < READERS && pthread_create(&readers[started], NULL, read_strongly, demo) == 0)
        started++;
    for (; writes < 100; writes++) {
        demo->row++; /* the database commits, then the writer invalidates */
        rcache_result *result;
        if (rcache_op_run(rcache_op_invalidate(demo->cache, HOT, size, 1, NULL), NULL, NULL, &result) != RCACHE_OK)
            demo->wrong++;
        rcache_result_free(result);
        pause_ms(2);
    }
    demo->over = true;
    for (int i = 0; i < started; i++)
        pthread_join(readers[i], NULL);
    printf("  %d reads, %d writes, %d loader calls; values older than the last acknowledged write: %d\n", demo->reads,
           writes, demo->loads, demo->wrong);
    demo->failed |= demo->wrong > 0 || demo->reads == 0;
}

static void clean_up(struct demo *demo) {
    static const uint32_t sizes[] = { sizeof KEY - 1, 23, 23, 23, sizeof HOT - 1 };
    rcache_op_run(rcache_op_delete(demo->cache, KEY BATCH HOT, sizes, 5, NULL), NULL, NULL, NULL);
}

int demo_main(struct tool *tool) {
    struct demo demo = { .cache = tool->cache, .row = 1 };
    bool shows_url = strchr(tool->url, '@') == NULL;
    printf("resilicache on %s\n", shows_url ? tool->url : "the given server");
    clean_up(&demo);
    walk_through(&demo);
    if (!demo.failed) {
        stampede(&demo);
        invalidate_under_load(&demo);
    }
    clean_up(&demo);
    puts(demo.failed ? "\nThis is not what should have happened." : "\nAll as it should be.");
    return demo.failed ? EXIT_FAILED : EXIT_DONE;
}
