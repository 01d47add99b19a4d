/* stampede: 32 threads want the same cold key, and the row is read once.
 *
 *     cc -pthread -o stampede stampede.c $(pkg-config --cflags --libs resilicache) && ./stampede */
#define _POSIX_C_SOURCE 200809L
#include <resilicache.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

enum { THREADS = 32 };

static _Atomic int loads, served;

static void load_slowly(rcache_load *load, void *arg) {
    (void)arg;
    loads++;
    nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL);
    rcache_load_value(load, 0, "tester", 6, 0);
    rcache_load_finish(load);
}

static void *read_once(void *cache) {
    rcache_result *result;
    if (rcache_fetch(cache, RCACHE_STR("stampede-example"), 10 * 1000, load_slowly, NULL, NULL, &result) == RCACHE_OK)
        served++;
    rcache_result_free(result);
    return NULL;
}

int main(int argc, char **argv) {
    rcache *cache;
    rcache_error err;
    if (rcache_open(argc > 1 ? argv[1] : "memory://", NULL, &cache, &err) != RCACHE_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    pthread_t threads[THREADS];
    int started = 0;
    while (started < THREADS && pthread_create(&threads[started], NULL, read_once, cache) == 0)
        started++;
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    printf("%d threads served, %d call(s) of the loader\n", served, loads);
    rcache_close(cache);
    return served == started ? 0 : 1;
}
