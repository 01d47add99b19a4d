#define _POSIX_C_SOURCE 200809L
#include "conform/stage.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAUSE_MS = 3, STATS_SIZE = 8192 };

/* A slow machine is no reason for a failure: what bounds nothing in a case is generous. */
static const char *const OPTIONS[][2] = { { "op_timeout", "10s" }, { "connect_timeout", "10s" },
                                          { "deadline", "30s" } };

bool stage_fail(struct stage *stage, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (stage->problem[0] == '\0') /* the first problem is the cause of others */
        vsnprintf(stage->problem, sizeof stage->problem, format, args);
    va_end(args);
    return false;
}

bool stage_init(struct stage *stage, const struct tool *tool, const char *prefix) {
    *stage = (struct stage){ .tool = tool };
    snprintf(stage->prefix, sizeof stage->prefix, "%s", prefix);
    return pthread_mutex_init(&stage->lock, NULL) == 0;
}

struct named *named_find(struct named *list, const struct word *name) {
    while (list != NULL && !word_equals(&list->name, name->text, name->size))
        list = list->next;
    return list;
}

struct named *named_take(struct stage *stage, struct named **list, const struct word *name) {
    struct named *found = named_find(*list, name);
    if (found != NULL)
        return found;
    found = arena_take(&stage->arena, sizeof *found);
    if (found == NULL) {
        stage_fail(stage, "no memory");
        return NULL;
    }
    *found = (struct named){ .next = *list, .name = *name };
    *list = found;
    return found;
}

bool stage_set_row(struct stage *stage, const struct word *name, const struct word *row) {
    pthread_mutex_lock(&stage->lock);
    struct named *named = named_take(stage, &stage->rows, name);
    if (named != NULL)
        named->row = row;
    pthread_mutex_unlock(&stage->lock);
    return named != NULL;
}

/* ---- time ---- */

bool stage_wait(struct stage *stage, condition_function *condition, const void *arg) {
    const int64_t end_ms = clock_now_ms() + PATIENCE_MS;
    while (!condition(stage, arg)) {
        if (clock_now_ms() > end_ms)
            return false;
        nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000 }, NULL);
    }
    return true;
}

/* ---- caches ---- */

/* One option of "name=value"; url=... is none of the cache's. */
static int32_t set_pair(rcache_options *options, const char *pair, const char **url, rcache_error *err) {
    char name[64];
    const char *equals = strchr(pair, '=');
    snprintf(name, sizeof name, "%.*s", equals != NULL ? (int)(equals - pair) : 0, pair);
    if (strcmp(name, "url") == 0) {
        *url = equals + 1;
        return RCACHE_OK;
    }
    return rcache_options_set(options, name, equals != NULL ? equals + 1 : "", err);
}

int32_t stage_open(struct stage *stage, struct words words, rcache **cache, rcache_error *err) {
    const char *url = stage->tool->url;
    rcache_options *options = rcache_options_new();
    int32_t status = options != NULL ? RCACHE_OK : RCACHE_E_NOMEM;
    *cache = NULL;
    for (size_t i = 0; status == RCACHE_OK && i < sizeof OPTIONS / sizeof OPTIONS[0]; i++)
        status = rcache_options_set(options, OPTIONS[i][0], OPTIONS[i][1], err);
    for (int i = 0; status == RCACHE_OK && i < stage->tool->setting_count; i++)
        status = set_pair(options, stage->tool->settings[i], &url, err);
    if (status == RCACHE_OK)
        status = rcache_options_set(options, "prefix", stage->prefix, err);
    for (size_t i = 0; status == RCACHE_OK && i < words.count; i++)
        status = set_pair(options, words.items[i].text, &url, err);
    if (status == RCACHE_OK)
        status = rcache_open(url, options, cache, err);
    rcache_options_free(options);
    return status;
}

rcache *stage_cache(struct stage *stage, const char *name) {
    const struct word word = { name, strlen(name), false };
    struct named *found = named_find(stage->caches, &word);
    rcache_error err;
    if (found == NULL && strcmp(name, "main") == 0) {
        found = named_take(stage, &stage->caches, &word);
        if (found != NULL && stage_open(stage, (struct words){ NULL, 0 }, &found->cache, &err) != RCACHE_OK)
            stage_fail(stage, "%s", err.message);
    }
    if (found == NULL || found->cache == NULL)
        stage_fail(stage, "no cache %s is open", name);
    return found != NULL ? found->cache : NULL;
}

int64_t counter_of(rcache *cache, const char *name) {
    char text[STATS_SIZE];
    rcache_stats(cache, text, sizeof text);
    size_t size = strlen(name);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, size) == 0 && line[size] == ' ')
            return strtoll(line + size, NULL, 10);
    }
    return -1;
}

/* ---- the end ---- */

static bool is_done(struct stage *stage, const void *arg) {
    (void)stage;
    return ((const struct task *)arg)->done;
}

static bool loads_are_finished(struct stage *stage, const void *arg) {
    (void)stage;
    rcache *cache = ((const struct named *)arg)->cache;
    return counter_of(cache, "loads") == counter_of(cache, "loads_stored") + counter_of(cache, "loads_failed") +
                                             counter_of(cache, "loads_lost") + counter_of(cache, "loads_direct");
}

/* Removes every key that a call had. */
static void sweep(struct stage *stage) {
    rcache *cache;
    rcache_error err;
    if (stage_open(stage, (struct words){ NULL, 0 }, &cache, &err) != RCACHE_OK)
        return;
    for (struct named *name = stage->names; name != NULL; name = name->next) {
        uint32_t size = (uint32_t)name->name.size;
        rcache_op_run(rcache_op_delete(cache, name->name.text, &size, 1, NULL), NULL, NULL, NULL);
    }
    rcache_close(cache);
}

static void end_actor(struct stage *stage, struct actor *actor) {
    for (size_t i = 0; i < actor->count; i++) {
        struct task *task = &actor->tasks[i];
        if (!task->begun)
            continue;
        if (!stage_wait(stage, is_done, task))
            stage_fail(stage, "at the end, a call of %s goes on", actor->name.text);
        pthread_join(task->thread, NULL);
        rcache_result_free(task->found.result);
    }
}

bool stage_clear(struct stage *stage) {
    bool good = true;
    stage->over = true;
    for (struct actor *actor = stage->actors; actor != NULL; actor = actor->next)
        end_actor(stage, actor);
    refreshes_join(stage);
    for (struct named *cache = stage->caches; cache != NULL; cache = cache->next) {
        if (cache->cache != NULL && !stage_wait(stage, loads_are_finished, cache))
            good = stage_fail(stage, "at the end, %s has loads that were not finished", cache->name.text);
        rcache_close(cache->cache);
    }
    sweep(stage);
    free(stage->asked);
    arena_clear(&stage->arena);
    pthread_mutex_destroy(&stage->lock);
    return good;
}
