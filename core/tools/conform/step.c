/* One line of a case: what it says is done. */
#include "conform/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_SIZE = 512 };

static long number_of(const struct word *word) {
    return strtol(word->text, NULL, 10);
}

/* What was found is given back; false, with the difference in stage->problem, if it isn't what was expected. */
static bool check(struct stage *stage, struct found *found, struct words expected, const struct call *call) {
    char shown[SHOWN_SIZE];
    bool good = expected.count > 0 ? found_meets(found, expected, call) : found_succeeded(found);
    if (!good) {
        found_show(found, call, shown, sizeof shown);
        stage_fail(stage, "what came is %s", shown);
    }
    rcache_result_free(found->result);
    found->result = NULL;
    return good;
}

/* A call of the arena's, for it may be run behind the line that makes it. */
static struct call *read_call(struct stage *stage, struct words words) {
    struct call *call = arena_take(&stage->arena, sizeof *call);
    const char *problem = call != NULL ? call_read(words, call) : "no memory";
    if (problem == NULL)
        return call;
    stage_fail(stage, "%s", problem);
    return NULL;
}

static bool play_call(struct stage *stage, struct words words, struct words expected) {
    struct call *call = read_call(stage, words);
    struct found found;
    return call != NULL && stage_make(stage, call, &found) && check(stage, &found, expected, call);
}

/* ---- actors ---- */

static struct actor *actor_named(struct stage *stage, const struct word *name) {
    struct actor *actor = stage->actors;
    while (actor != NULL && !word_equals(&actor->name, name->text, name->size))
        actor = actor->next;
    return actor;
}

/* `label` is "name:" or "name*8:". */
static bool play_begin(struct stage *stage, const struct word *label, struct words words) {
    struct actor *actor = arena_take(&stage->arena, sizeof *actor);
    size_t size = strcspn(label->text, "*:");
    char *name = arena_take(&stage->arena, size);
    if (actor == NULL || name == NULL)
        return stage_fail(stage, "no memory");
    memcpy(name, label->text, size);
    actor->name = (struct word){ name, size, false };
    const char *problem = call_read(words, &actor->call);
    if (problem != NULL)
        return stage_fail(stage, "%s", problem);
    actor->next = stage->actors;
    stage->actors = actor;
    return actor_begin(stage, actor, label->text[size] == '*' ? strtoul(label->text + size + 1, NULL, 10) : 1);
}

static bool task_is_done(struct stage *stage, const void *arg) {
    (void)stage;
    return ((const struct task *)arg)->done;
}

static bool play_collect(struct stage *stage, struct actor *actor, struct words expected) {
    for (size_t i = 0; i < actor->count; i++) {
        if (!stage_wait(stage, task_is_done, &actor->tasks[i]))
            return stage_fail(stage, "it does not end");
        if (!check(stage, &actor->tasks[i].found, expected, &actor->call))
            return false;
    }
    return true;
}

static bool play_cancel(struct stage *stage, struct words words, struct words expected) {
    (void)expected;
    struct actor *actor = words.count == 1 ? actor_named(stage, words.items) : NULL;
    for (size_t i = 0; actor != NULL && i < actor->count; i++)
        actor->tasks[i].canceled = true;
    return actor != NULL || stage_fail(stage, "whose call is to be canceled?");
}

/* ---- waiting, and what has to hold ---- */

static bool has_been_called(struct stage *stage, const void *arg) {
    return stage->called >= *(const long *)arg;
}

static bool is_loading(struct stage *stage, const void *arg) {
    (void)stage;
    return ((const struct actor *)arg)->loading > 0;
}

/* NAME COUNT [at CACHE] */
struct counter {
    rcache *cache;
    const char *name;
    int64_t value;
};

static bool read_counter(struct stage *stage, struct words words, struct counter *counter) {
    if (words.count < 2)
        return stage_fail(stage, "stat wants a counter and a number");
    *counter = (struct counter){ .name = words.items[0].text, .value = number_of(&words.items[1]) };
    counter->cache = stage_cache(stage, words.count == 4 ? words.items[3].text : "main");
    if (counter->cache != NULL && counter_of(counter->cache, counter->name) < 0)
        return stage_fail(stage, "there is no counter %s", counter->name);
    return counter->cache != NULL;
}

static bool has_counted(struct stage *stage, const void *arg) {
    (void)stage;
    const struct counter *counter = arg;
    return counter_of(counter->cache, counter->name) >= counter->value;
}

static bool play_stat(struct stage *stage, struct words words, struct words expected) {
    (void)expected;
    struct counter counter = { 0 };
    if (!read_counter(stage, words, &counter))
        return false;
    long long found = counter_of(counter.cache, counter.name);
    return found == counter.value || stage_fail(stage, "it is %lld", found);
}

static bool play_await(struct stage *stage, struct words words, struct words expected) {
    (void)expected;
    struct actor *actor = words.count == 2 ? actor_named(stage, words.items) : NULL;
    bool good = false;
    if (actor != NULL && word_is(&words.items[1], "loading")) {
        good = stage_wait(stage, is_loading, actor);
    } else if (words.count == 2 && word_is(words.items, "called")) {
        const long count = number_of(&words.items[1]);
        good = stage_wait(stage, has_been_called, &count);
    } else if (words.count > 2 && word_is(words.items, "stat")) {
        struct counter counter = { 0 };
        if (!read_counter(stage, words_after_first(words), &counter))
            return false;
        good = stage_wait(stage, has_counted, &counter);
    } else {
        return stage_fail(stage, "await wants `stat NAME COUNT`, `called COUNT` or `ACTOR loading`");
    }
    return good || stage_fail(stage, "not so within %d s", PATIENCE_MS / 1000);
}

static bool play_called(struct stage *stage, struct words words, struct words expected) {
    (void)expected;
    int called = stage->called;
    return (words.count == 1 && called == number_of(words.items)) ||
           stage_fail(stage, "the loaders were called %d times", called);
}

static bool play_asked(struct stage *stage, struct words words, struct words expected) {
    (void)expected;
    pthread_mutex_lock(&stage->lock);
    size_t count = stage->asked_count, found = 0;
    for (size_t i = 0; i < words.count; i++)
        for (size_t j = 0; j < count; j++)
            found += word_equals(&words.items[i], stage->asked[j].text, stage->asked[j].size);
    pthread_mutex_unlock(&stage->lock);
    return (found == words.count && count == words.count) ||
           stage_fail(stage, "the loader was asked for %zu keys, %zu of them expected", count, found);
}

/* CALL, what is expected of it, and perhaps a call to be made between two tries. */
struct try {
    const struct call *call, *between;
    struct words expected;
    struct found found;
};

static bool succeeds(struct stage *stage, const void *arg) {
    struct try *try = *(struct try *const *)arg;
    struct found ignored;
    rcache_result_free(try->found.result);
    if (!stage_make(stage, try->call, &try->found))
        return true;
    if (found_meets(&try->found, try->expected, try->call))
        return true;
    if (try->between != NULL && stage_make(stage, try->between, &ignored))
        rcache_result_free(ignored.result);
    return false;
}

static bool play_eventually(struct stage *stage, struct words words, struct words expected) {
    struct words between;
    struct try try = { .call = read_call(stage, words) }, *at = &try;
    try.expected = words_split(expected, "between", &between);
    if (between.count > 0)
        try.between = read_call(stage, between);
    if (try.call == NULL || (between.count > 0 && try.between == NULL))
        return false;
    stage_wait(stage, succeeds, &at);
    return check(stage, &try.found, try.expected, try.call);
}

/* KEYS within LEAST MOST apart SPREAD: their times to live. */
static bool play_ttls(struct stage *stage, struct words words, struct words expected) {
    (void)expected;
    struct words bounds;
    struct words names = words_split(words, "within", &bounds);
    int64_t least = INT64_MAX, most = 0;
    if (bounds.count != 4)
        return stage_fail(stage, "ttls wants `KEYS within LEAST MOST apart SPREAD`");
    for (size_t i = 0; i < names.count; i++) {
        const struct call call = { .verb = VERB_INSPECT, .names = { &names.items[i], 1 }, .at = "main" };
        struct found found;
        if (!stage_make(stage, &call, &found))
            return false;
        int64_t ttl_ms = found_number(&found, "ttl_ms");
        rcache_result_free(found.result);
        least = ttl_ms < least ? ttl_ms : least;
        most = ttl_ms > most ? ttl_ms : most;
    }
    return (least >= milliseconds_of(&bounds.items[0]) && most <= milliseconds_of(&bounds.items[1]) &&
            most - least >= milliseconds_of(&bounds.items[3])) ||
           stage_fail(stage, "they are %lld to %lld ms", (long long)least, (long long)most);
}

/* ---- the scene ---- */

static bool play_cache(struct stage *stage, struct words words, struct words expected) {
    struct named *named = words.count > 0 ? named_take(stage, &stage->caches, words.items) : NULL;
    rcache_error err;
    if (named == NULL)
        return stage_fail(stage, "the cache has no name");
    struct found found = { .status = stage_open(stage, words_after_first(words), &named->cache, &err) };
    if (found.status != RCACHE_OK)
        snprintf(found.message, sizeof found.message, "%s", err.message);
    return check(stage, &found, expected, NULL);
}

static bool play_options(struct stage *stage, struct words words, struct words expected) {
    struct word *named = arena_take(&stage->arena, (words.count + 1) * sizeof *named);
    if (named == NULL)
        return stage_fail(stage, "no memory");
    named[0] = (struct word){ "main", 4, false };
    if (words.count > 0)
        memcpy(named + 1, words.items, words.count * sizeof *named);
    return play_cache(stage, (struct words){ named, words.count + 1 }, expected);
}

static bool play_close(struct stage *stage, struct words words, struct words expected) {
    (void)expected;
    struct named *named = words.count == 1 ? named_find(stage->caches, words.items) : NULL;
    if (named == NULL)
        return stage_fail(stage, "there is no such cache");
    rcache_close(named->cache);
    named->cache = NULL;
    return true;
}

/* FROM [at CACHE]: the cache takes up the token of the cache FROM, or the one that is written there between quotes. */
static bool play_join(struct stage *stage, struct words words, struct words expected) {
    struct words at;
    struct words from = words_split(words, "at", &at);
    if (from.count != 1 || at.count > 1)
        return stage_fail(stage, "join wants a cache or a token");
    rcache *cache = stage_cache(stage, at.count == 1 ? at.items[0].text : "main");
    rcache *writer = from.items->quoted ? NULL : stage_cache(stage, from.items->text);
    if (cache == NULL || (writer == NULL && !from.items->quoted))
        return false;
    char own[RCACHE_SESSION_SIZE];
    const char *token = writer != NULL ? own : from.items->text;
    rcache_error err = RCACHE_ERROR_INIT;
    struct found found = { .status = writer != NULL ? rcache_session_token(writer, own, &err) : RCACHE_OK };
    if (found.status == RCACHE_OK)
        found.status = rcache_session_join(cache, token, &err);
    snprintf(found.message, sizeof found.message, "%s", err.message);
    return check(stage, &found, expected, NULL);
}

static bool play_row(struct stage *stage, struct words words, struct words expected) {
    (void)expected;
    if (words.count != 2)
        return stage_fail(stage, "row wants a key and a value");
    return stage_set_row(stage, &words.items[0], &words.items[1]);
}

/* Each row has the name of its key. */
static bool play_rows(struct stage *stage, struct words words, struct words expected) {
    (void)expected;
    for (size_t i = 0; i < words.count; i++)
        if (!stage_set_row(stage, &words.items[i], &words.items[i]))
            return false;
    return true;
}

static bool play_tell(struct stage *stage, struct words words, struct words expected) {
    (void)expected;
    if (words.count != 1)
        return stage_fail(stage, "tell wants a signal");
    pthread_mutex_lock(&stage->lock);
    bool good = named_take(stage, &stage->signals, words.items) != NULL;
    pthread_mutex_unlock(&stage->lock);
    return good;
}

/* ---- a line ---- */

struct step {
    const char *name;
    bool (*play)(struct stage *stage, struct words words, struct words expected);
};

static const struct step STEPS[] = {
    { "options", play_options },       { "cache", play_cache }, { "close", play_close },   { "row", play_row },
    { "rows", play_rows },             { "tell", play_tell },   { "await", play_await },   { "called", play_called },
    { "eventually", play_eventually }, { "stat", play_stat },   { "cancel", play_cancel }, { "asked", play_asked },
    { "ttls", play_ttls },             { "storm", play_storm }, { "join", play_join },
};

bool stage_play(struct stage *stage, struct words line) {
    struct words expected;
    struct words words = words_split(line, "->", &expected);
    if (words.count == 0)
        return stage_fail(stage, "nothing is said before ->");
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++)
        if (word_is(words.items, STEPS[i].name))
            return STEPS[i].play(stage, words_after_first(words), expected);
    const struct word *first = words.items;
    if (!first->quoted && first->size > 1 && first->text[first->size - 1] == ':')
        return play_begin(stage, first, words_after_first(words));
    struct actor *actor = words.count == 1 ? actor_named(stage, first) : NULL;
    if (actor != NULL)
        return play_collect(stage, actor, expected);
    return play_call(stage, words, expected);
}
