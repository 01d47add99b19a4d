/* A storm: strong readers of one key, and a writer beside them whose rows are numbers that rise.  No reader may see
 * less than what was reported as written before it began. */
#include "conform/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READERS_MAX = 64, NUMBER_SIZE = 24, NOTHING_WRONG = -2 };

struct storm {
    struct stage *stage;
    rcache *cache;
    struct call fetch;
    int writes;
    _Atomic int acknowledged;
    _Atomic int wrong, least; /* what was read, though `least` was written */
};

/* The number that a value says; -1: there is none. */
static int number_of(const struct found *found) {
    char text[NUMBER_SIZE] = "";
    rcache_value value = { 0 };
    rcache_result_values(found->result, &value, 1);
    if (value.status != RCACHE_OK || value.size == 0 || value.size >= sizeof text)
        return -1;
    memcpy(text, value.data, value.size);
    return atoi(text);
}

static void *read_on(void *arg) {
    struct storm *storm = arg;
    struct found found;
    for (int least = 0; least < storm->writes; least = storm->acknowledged) {
        task_run(storm->stage, &storm->fetch, storm->cache, &found);
        int number = number_of(&found);
        rcache_result_free(found.result);
        if (number < least) {
            storm->least = least;
            storm->wrong = number;
        }
    }
    return NULL;
}

static bool write_once(struct storm *storm, int number) {
    char *text = arena_take(&storm->stage->arena, NUMBER_SIZE);
    struct word *row = arena_take(&storm->stage->arena, sizeof *row);
    const struct call invalidate = { .verb = VERB_INVALIDATE, .names = storm->fetch.names, .at = "main" };
    struct found found;
    if (text == NULL || row == NULL)
        return stage_fail(storm->stage, "no memory");
    int size = snprintf(text, NUMBER_SIZE, "%d", number);
    *row = (struct word){ text, (size_t)size, true };
    if (!stage_set_row(storm->stage, storm->fetch.names.items, row) || !stage_make(storm->stage, &invalidate, &found))
        return false;
    bool good = found_succeeded(&found);
    rcache_result_free(found.result);
    storm->acknowledged = number;
    return good || stage_fail(storm->stage, "an invalidation failed");
}

bool play_storm(struct stage *stage, struct words words, struct words expected) {
    pthread_t readers[READERS_MAX];
    int count = words.count == 5 ? atoi(words.items[2].text) : 0, begun = 0;
    struct storm storm = { .stage = stage, .fetch = { .names = { words.items, 1 }, .at = "main", .ttl_ms = 60000 } };
    (void)expected;
    if (count < 1 || count > READERS_MAX)
        return stage_fail(stage, "storm wants KEY readers COUNT writes COUNT, and at most %d readers", READERS_MAX);
    storm.fetch.flags = RCACHE_STRONG;
    storm.writes = atoi(words.items[4].text);
    storm.wrong = NOTHING_WRONG;
    bool good = write_once(&storm, 0);
    storm.cache = stage_cache(stage, "main");
    while (good && begun < count && pthread_create(&readers[begun], NULL, read_on, &storm) == 0)
        begun++;
    for (int number = 1; good && number <= storm.writes; number++)
        good = write_once(&storm, number);
    storm.acknowledged = storm.writes;
    for (int i = 0; i < begun; i++)
        pthread_join(readers[i], NULL);
    if (storm.wrong != NOTHING_WRONG)
        return stage_fail(stage, "%d was read after %d was written", (int)storm.wrong, (int)storm.least);
    return good;
}
