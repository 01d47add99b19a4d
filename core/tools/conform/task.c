/* Calls under way: an op is waited for on a thread, and its loaders do what the case says. */
#define _POSIX_C_SOURCE 200809L
#include "conform/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE_MS = 20 }; /* between looks whether the call was canceled */

/* A load that is done behind its call. */
struct refresh {
    struct refresh *next;
    pthread_t thread;
    struct task task; /* of the call: a copy, which may be over */
    rcache_load *load;
};

/* ---- loaders ---- */

static bool is_told(struct stage *stage, const void *arg) {
    pthread_mutex_lock(&stage->lock);
    bool told = named_find(stage->signals, arg) != NULL;
    pthread_mutex_unlock(&stage->lock);
    return told || stage->over;
}

/* Remembers which keys the loader was called for; under the lock. */
static void note_asked(struct stage *stage, const rcache_load *load) {
    size_t count = rcache_load_count(load), total = 0, size;
    for (size_t i = 0; i < count; i++) {
        rcache_load_key(load, i, &size);
        total += size;
    }
    free(stage->asked);
    stage->asked = malloc(count * sizeof *stage->asked + total + 1);
    stage->asked_count = stage->asked != NULL ? count : 0;
    char *at = (char *)(stage->asked + stage->asked_count);
    for (size_t i = 0; i < stage->asked_count; i++) {
        const void *key = rcache_load_key(load, i, &size);
        memcpy(at, key, size);
        stage->asked[i] = (struct word){ at, size, true };
        at += size;
    }
}

static bool is_forgotten(const struct call *call, const struct word *name) {
    for (size_t i = 0; i < call->forgotten.count; i++)
        if (word_equals(name, call->forgotten.items[i].text, call->forgotten.items[i].size))
            return true;
    return false;
}

/* Reads the rows as they are now, waits if it has to, then answers. */
static void load_rows(struct task *task, rcache_load *load) {
    struct stage *stage = task->stage;
    const struct call *call = task->call;
    size_t count = rcache_load_count(load);
    const struct word **rows = calloc(count, sizeof *rows);
    pthread_mutex_lock(&stage->lock);
    note_asked(stage, load);
    for (size_t i = 0; rows != NULL && i < count; i++) {
        struct named *row = named_find(stage->rows, &call->names.items[rcache_load_position(load, i)]);
        rows[i] = row != NULL ? row->row : NULL;
    }
    pthread_mutex_unlock(&stage->lock);
    stage->called++;
    if (task->actor != NULL)
        task->actor->loading++;
    bool told = call->after == NULL || stage_wait(stage, is_told, call->after);
    for (size_t i = 0; i < count; i++) {
        if (told && call->failure != NULL && call->permanently)
            rcache_load_fail_permanent(load, i, call->failure->text);
        else if (!told || rows == NULL || call->failure != NULL)
            rcache_load_fail(load, i, !told || rows == NULL ? "nobody told it to go on" : call->failure->text);
        else if (is_forgotten(call, &call->names.items[rcache_load_position(load, i)]))
            continue;
        else if (rows[i] != NULL)
            rcache_load_value(load, i, rows[i]->text, rows[i]->size, 0);
        else
            rcache_load_absent(load, i);
        int64_t version = call->primary > 0 && rcache_load_primary(load) ? call->primary : call->version;
        if (version > 0)
            rcache_load_version(load, i, (uint64_t)version);
    }
    free(rows);
    rcache_load_finish(load);
}

/* UPDATE ... SET row = ?, fence = ? WHERE key = ? AND fence < ?  False: no row was changed. */
static bool update_row(struct stage *stage, const struct call *call, uint64_t fence) {
    pthread_mutex_lock(&stage->lock);
    struct named *row = named_find(stage->rows, call->names.items);
    bool takes = row != NULL && row->fence < fence;
    if (takes) {
        row->row = call->value;
        row->fence = fence;
    }
    pthread_mutex_unlock(&stage->lock);
    return takes;
}

static void transact(struct task *task, rcache_load *load) {
    const struct call *call = task->call;
    if (task->actor != NULL)
        task->actor->loading++;
    if (call->after != NULL && !stage_wait(task->stage, is_told, call->after))
        rcache_load_fail(load, 0, "nobody told it to go on");
    else if (call->failure != NULL)
        rcache_load_fail(load, 0, call->failure->text);
    else if (!update_row(task->stage, call, rcache_load_fence(load)))
        rcache_load_fail(load, 0, "too late");
    rcache_load_finish(load);
}

static void *run_refresh(void *arg) {
    struct refresh *refresh = arg;
    load_rows(&refresh->task, refresh->load);
    return NULL;
}

static void begin_refresh(struct task *task, rcache_load *load) {
    struct refresh *refresh = calloc(1, sizeof *refresh);
    if (refresh == NULL) {
        rcache_load_finish(load);
        return;
    }
    refresh->load = load;
    refresh->task.stage = task->stage;
    refresh->task.call = task->call;
    refresh->task.actor = task->actor;
    if (pthread_create(&refresh->thread, NULL, run_refresh, refresh) != 0) {
        rcache_load_finish(load);
        free(refresh);
        return;
    }
    pthread_mutex_lock(&task->stage->lock);
    refresh->next = task->stage->refreshes;
    task->stage->refreshes = refresh;
    pthread_mutex_unlock(&task->stage->lock);
}

void refreshes_join(struct stage *stage) {
    for (struct refresh *refresh = stage->refreshes, *next; refresh != NULL; refresh = next) {
        next = refresh->next;
        pthread_join(refresh->thread, NULL);
        free(refresh);
    }
    stage->refreshes = NULL;
}

/* ---- calls ---- */

/* The token that the call is given; false: there is none to give. */
static bool find_session(struct task *task, char own[RCACHE_SESSION_SIZE], const char **session) {
    const struct word *seeing = task->call->seeing;
    *session = seeing == NULL ? NULL : seeing->quoted ? seeing->text : own;
    if (*session != own)
        return true;
    rcache_error err = RCACHE_ERROR_INIT;
    rcache *writer = stage_cache(task->stage, seeing->text);
    task->found.status = writer != NULL ? rcache_session_token(writer, own, &err) : RCACHE_E_INVALID;
    snprintf(task->found.message, sizeof task->found.message, "%s", err.message);
    return task->found.status == RCACHE_OK;
}

/* From begin to end, on this thread. */
static void run(struct task *task) {
    char own[RCACHE_SESSION_SIZE];
    const char *session;
    if (!find_session(task, own, &session))
        return;
    rcache_op *op = call_op(task->call, task->cache, session);
    bool canceled = false;
    rcache_event event;
    if (op == NULL) {
        task->found = (struct found){ .status = RCACHE_E_NOMEM };
        return;
    }
    do {
        if (task->canceled && !canceled)
            rcache_op_cancel(op);
        canceled = task->canceled;
        rcache_op_wait(op, task->actor != NULL ? SLICE_MS : -1, &event);
        if (event.load != NULL && event.kind == RCACHE_EVENT_DONE)
            begin_refresh(task, event.load);
        else if (event.load != NULL && task->call->verb == VERB_UPDATE)
            transact(task, event.load);
        else if (event.load != NULL)
            load_rows(task, event.load);
    } while (event.kind != RCACHE_EVENT_DONE);
    task->found.result = event.result;
}

void task_run(struct stage *stage, const struct call *call, rcache *cache, struct found *found) {
    struct task task = { .stage = stage, .call = call, .cache = cache };
    run(&task);
    *found = task.found;
}

static bool note_names(struct stage *stage, const struct call *call) {
    for (size_t i = 0; i < call->names.count; i++)
        if (named_take(stage, &stage->names, &call->names.items[i]) == NULL)
            return false;
    if (call->verb != VERB_UPDATE)
        return true;
    pthread_mutex_lock(&stage->lock);
    bool noted = named_take(stage, &stage->rows, call->names.items) != NULL;
    pthread_mutex_unlock(&stage->lock);
    return noted;
}

bool stage_make(struct stage *stage, const struct call *call, struct found *found) {
    rcache *cache = stage_cache(stage, call->at);
    *found = (struct found){ 0 };
    if (cache == NULL || !note_names(stage, call))
        return false;
    task_run(stage, call, cache, found);
    return true;
}

static void *run_task(void *arg) {
    struct task *task = arg;
    run(task);
    task->done = true;
    return NULL;
}

bool actor_begin(struct stage *stage, struct actor *actor, size_t count) {
    rcache *cache = stage_cache(stage, actor->call.at);
    actor->tasks = arena_take(&stage->arena, count * sizeof *actor->tasks);
    if (cache == NULL || actor->tasks == NULL || !note_names(stage, &actor->call))
        return stage_fail(stage, "no memory");
    actor->count = count;
    for (size_t i = 0; i < count; i++) {
        struct task *task = &actor->tasks[i];
        task->stage = stage;
        task->call = &actor->call;
        task->actor = actor;
        task->cache = cache;
        task->begun = pthread_create(&task->thread, NULL, run_task, task) == 0;
        if (!task->begun)
            return stage_fail(stage, "no thread for another call");
    }
    return true;
}
