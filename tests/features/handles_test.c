/* Over a long run in which caches, queues and steppers come and go, and servers, too: descriptors and memory in use
 * stay what they were. */
#include "support/stores.h"
#include "support/worker.h"

#include <dirent.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* The lasting cache has more connections at one time than at another, and malloc keeps what it may need again. */
enum { ROUNDS_FIRST = 20, ROUNDS = 100, SLACK = 512 * 1024 };

/* The sanitizers' own, where there are any: their memory is not malloc's. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t bytes_in_use(void) {
    return __sanitizer_get_current_allocated_bytes != NULL ? __sanitizer_get_current_allocated_bytes()
                                                           : mallinfo2().uordblks;
}

static size_t descriptors(void) {
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

/* Service threads of caches that were closed: they end by themselves, soon. */
static size_t threads(void) {
    size_t count = 0;
    DIR *directory = opendir("/proc/self/task");
    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

/* ---- what comes and goes ---- */

static void use(rcache *cache, struct database *database, const char *key) {
    database->row++;
    invalidate(cache, key);
    fetch(cache, key, database, RCACHE_STRONG);
    invalidate(cache, key);
    fetch(cache, key, database, 0); /* stale, with a refresh */
    set(cache, key, "v0", 100000);
    lock(cache, key, "me", 50, 0);
    unlock(cache, key, "me");
    delete_key(cache, key);
}

/* Some ops are drained, the rest goes with the queue. */
static void use_a_queue(rcache *cache, struct database *database, const char *key) {
    rcache_queue *queue;
    rcache_error err;
    rcache_event events[8];
    const uint32_t size = (uint32_t)strlen(key);
    assert_int_equal(rcache_queue_new(cache, &queue, &err), RCACHE_OK);
    for (uint64_t i = 0; i < 8; i++)
        rcache_queue_submit(queue, rcache_op_fetch(cache, key, &size, 1, 100000, NULL), i);
    struct pollfd fd = { .fd = rcache_queue_fd(queue), .events = POLLIN };
    poll(&fd, 1, 1000);
    size_t count = rcache_queue_drain(queue, events, 8);
    for (size_t i = 0; i < count; i++) {
        if (events[i].load != NULL)
            load_row(events[i].load, database);
        rcache_result_free(events[i].result);
    }
    rcache_queue_free(queue);
}

/* The op is given up, the cache closed, and only then the load is finished. */
static void leave_a_load(rcache *cache, struct database *database, const char *key) {
    const uint32_t size = (uint32_t)strlen(key);
    const rcache_call call = { .struct_size = sizeof call, .flags = RCACHE_STRONG, .deadline_ms = 1000 };
    rcache_event event;
    delete_key(cache, key);
    rcache_op *op = rcache_op_fetch(cache, key, &size, 1, 100000, &call);
    int32_t kind = rcache_op_wait(op, -1, &event);
    if (kind == RCACHE_EVENT_DONE)
        rcache_result_free(event.result);
    else
        rcache_op_free(op);
    rcache_close(cache);
    if (event.load != NULL)
        load_row(event.load, database);
}

static void use_a_stepper(const char *key) {
    static struct worker worker;
    worker_open(&worker, NULL);
    for (uint64_t i = 0; i < 4; i++)
        worker_fetch(&worker, key, i, NULL);
    worker_run(&worker, 4);
    worker_close(&worker);
}

/* ---- the run ---- */

struct run {
    rcache *lasting; /* over all rounds */
    struct database database;
    char key[64];
};

static void disturb(int round) {
    if (store_now->program == NULL)
        return;
    if (round % 20 == 7) {
        test_store_end(store_now, SIGKILL);
        assert_true(test_store_restart(store_now, NULL));
    } else if (round % 5 == 2) {
        test_store_command("CLIENT KILL TYPE normal");
    }
}

static void play_round(struct run *run, int round) {
    rcache *cache = scene_open(NULL);
    use(cache, &run->database, run->key);
    use_a_queue(cache, &run->database, run->key);
    disturb(round);
    use(run->lasting, &run->database, run->key);
    use_a_queue(run->lasting, &run->database, run->key);
    use(cache, &run->database, run->key);
    leave_a_load(cache, &run->database, run->key);
    delete_key(run->lasting, run->key); /* the lease of the load that was left */
    use_a_stepper(run->key);
}

/* What a cache remembers of invalidations is bounded: up to there, and then measured. */
static void fill_recent(rcache *cache, const char *key) {
    enum { COUNT = 5000 };
    static char keys[COUNT * 64];
    static uint32_t sizes[COUNT];
    const uint32_t size = (uint32_t)strlen(key);
    for (size_t i = 0; i < COUNT; i++) {
        memcpy(keys + i * size, key, size);
        sizes[i] = size;
    }
    assert_int_equal(run_one(rcache_op_invalidate(cache, keys, sizes, COUNT, NULL)).status, RCACHE_OK);
}

static void settle(const struct run *run, size_t threads_then) {
    wait_for(threads() <= threads_then);
    assert_int_equal(get(run->lasting, run->key).status, RCACHE_OK);
}

static void a_long_run_leaves_nothing_behind(void **state) {
    (void)state;
    static struct run run;
    size_t descriptors_then = descriptors();
    run = (struct run){ .lasting = scene_open(NULL), .database = { .row = 1 } };
    snprintf(run.key, sizeof run.key, "%s", key_of("user"));
    fill_recent(run.lasting, run.key);
    use(run.lasting, &run.database, run.key);
    size_t threads_then = threads(); /* the lasting cache's own, and perhaps a sanitizer's */
    for (int round = 0; round < ROUNDS_FIRST; round++)
        play_round(&run, round);
    settle(&run, threads_then);
    size_t bytes_then = bytes_in_use();
    for (int round = 0; round < ROUNDS; round++)
        play_round(&run, round);
    settle(&run, threads_then);
    size_t bytes_now = bytes_in_use();
    print_message("%zu bytes; before %d rounds, %zu\n", bytes_now, ROUNDS, bytes_then);
    wait_for(bytes_in_use() < bytes_then + SLACK);
    rcache_close(run.lasting);
    wait_for(descriptors() == descriptors_then);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_long_run_leaves_nothing_behind) };
    const struct scene_tests group = { "handles", tests, 1, false };
    return scene_run(&group, 1);
}
