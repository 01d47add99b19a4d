/* conform: the conformance cases, played on a store.  Some at once, for they spend their time waiting; each below a
 * prefix of its own. */
#define _GNU_SOURCE
#include "conform/case.h"
#include "conform/stage.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { AT_ONCE = 8, CASES_MAX = 512, REASON_SIZE = 2 * PROBLEM_SIZE };

enum verdict { VERDICT_NONE, VERDICT_OK, VERDICT_FAILED, VERDICT_NOT_APPLICABLE };

struct run {
    struct tool *tool;
    struct cases cases;
    uint64_t random; /* keeps the keys of runs apart */
    pthread_mutex_t lock;
    pthread_cond_t told;
    size_t next; /* the first case that nobody plays yet */
    enum verdict verdicts[CASES_MAX];
    char reasons[CASES_MAX][REASON_SIZE];
};

struct need {
    const char *name;
    const char *lack; /* why it can't be had in C; NULL: it can */
};

static const struct need NEEDS[] = {
    { "server", NULL },
    { "memory", NULL },
    { "cancel", NULL },
    { "counting", NULL },
    { "inline", NULL },
    { "keeping", NULL },
    { "partial", NULL },
    { "renewing", NULL },
    { "waiting", NULL },
    { "forgetting-fails", NULL },
    { "forgetting-is-absent", "a key that a loader leaves without an answer fails: there is rcache_load_absent" },
    { "nonsense", "a value has one type in C" },
    { "throwing", "there are no exceptions in C" },
};

static const char UNKNOWN_NEED[] = "it needs what nobody knows";

/* Why the case can't be played; NULL: it can. */
static const char *lack_of(const struct run *run, const struct test_case *test) {
    bool in_memory = strncmp(run->tool->url, "memory:", 7) == 0;
    const char *at = test->needs.data, *end = at + test->needs.size;
    while (at < end) {
        size_t size = strcspn(at, " \n");
        const char *lack = UNKNOWN_NEED;
        for (size_t i = 0; i < sizeof NEEDS / sizeof NEEDS[0]; i++)
            if (strlen(NEEDS[i].name) == size && memcmp(NEEDS[i].name, at, size) == 0)
                lack = NEEDS[i].lack;
        if (size == 6 && memcmp(at, "server", 6) == 0 && in_memory)
            lack = "a memory:// cache has no second one on the same keys";
        if (size == 6 && memcmp(at, "memory", 6) == 0 && !in_memory)
            lack = "about memory:// alone";
        if (lack != NULL)
            return lack;
        for (at += size; at < end && *at == ' ';)
            at++;
    }
    return NULL;
}

static bool play_lines(struct stage *stage, const struct test_case *test, char *reason) {
    for (size_t i = 0; i < test->line_count; i++) {
        const struct line *line = &test->lines[i];
        struct words words;
        const char *problem = words_read(&stage->arena, line->text.data, line->text.size, &words);
        if (problem == NULL && stage_play(stage, words))
            continue;
        snprintf(reason, REASON_SIZE, "%s:%zu: %.*s: %s", line->file, line->number, (int)line->text.size,
                 line->text.data, problem != NULL ? problem : stage->problem);
        return false;
    }
    return true;
}

static enum verdict play(struct run *run, size_t index, char *reason) {
    const struct test_case *test = &run->cases.items[index];
    const char *lack = lack_of(run, test);
    struct stage stage;
    char prefix[64];
    if (lack != NULL) {
        snprintf(reason, REASON_SIZE, "%s", lack);
        return lack == UNKNOWN_NEED ? VERDICT_FAILED : VERDICT_NOT_APPLICABLE;
    }
    snprintf(prefix, sizeof prefix, "resilicache-conform:%016llx:%zu:", (unsigned long long)run->random, index);
    if (!stage_init(&stage, run->tool, prefix))
        return VERDICT_FAILED;
    bool good = play_lines(&stage, test, reason);
    if (!stage_clear(&stage) && good) {
        good = false;
        snprintf(reason, REASON_SIZE, "%s", stage.problem);
    }
    return good ? VERDICT_OK : VERDICT_FAILED;
}

static void *play_some(void *arg) {
    struct run *run = arg;
    for (;;) {
        char reason[REASON_SIZE] = "";
        pthread_mutex_lock(&run->lock);
        size_t index = run->next++;
        pthread_mutex_unlock(&run->lock);
        if (index >= run->cases.count)
            return NULL;
        enum verdict verdict = play(run, index, reason);
        pthread_mutex_lock(&run->lock);
        memcpy(run->reasons[index], reason, sizeof reason);
        run->verdicts[index] = verdict;
        pthread_cond_broadcast(&run->told);
        pthread_mutex_unlock(&run->lock);
    }
}

/* ---- output ---- */

static const char *verdict_name(enum verdict verdict) {
    return verdict == VERDICT_OK ? "ok" : verdict == VERDICT_FAILED ? "FAILED" : "n/a";
}

static void print_json(const struct test_case *test, enum verdict verdict, const char *reason) {
    fputs("{\"chapter\": ", stdout);
    json_print(test->chapter.data, test->chapter.size);
    fputs(", \"case\": ", stdout);
    json_print(test->name.data, test->name.size);
    printf(", \"verdict\": \"%s\", \"reason\": ", verdict_name(verdict));
    json_print(reason, strlen(reason));
    puts("}");
}

static void print_text(const struct test_case *test, enum verdict verdict, const char *reason, bool new_chapter) {
    if (new_chapter)
        printf("\n%.*s\n", (int)test->chapter.size, test->chapter.data);
    printf("  %-8s%.*s\n", verdict_name(verdict), (int)test->name.size, test->name.data);
    if (reason[0] != '\0')
        printf("          %s\n", reason);
}

/* In the order of the cases, each as soon as it is known.  How many failed. */
static size_t print_verdicts(struct run *run) {
    size_t counts[VERDICT_NOT_APPLICABLE + 1] = { 0 };
    for (size_t i = 0; i < run->cases.count; i++) {
        const struct test_case *test = &run->cases.items[i];
        pthread_mutex_lock(&run->lock);
        while (run->verdicts[i] == VERDICT_NONE)
            pthread_cond_wait(&run->told, &run->lock);
        enum verdict verdict = run->verdicts[i];
        pthread_mutex_unlock(&run->lock);
        bool new_chapter = i == 0 || test[-1].chapter.data != test->chapter.data;
        if (run->tool->json)
            print_json(test, verdict, run->reasons[i]);
        else
            print_text(test, verdict, run->reasons[i], new_chapter);
        fflush(stdout);
        counts[verdict]++;
    }
    if (!run->tool->json)
        printf("\n%zu ok, %zu failed, %zu not applicable\n", counts[VERDICT_OK], counts[VERDICT_FAILED],
               counts[VERDICT_NOT_APPLICABLE]);
    return counts[VERDICT_FAILED];
}

/* ---- the command ---- */

/* Whether anybody answers there; else each case would find out by itself. */
static int probe(struct tool *tool) {
    static const char key[] = "resilicache-conform:probe";
    const uint32_t size = sizeof key - 1;
    rcache_result *result;
    int exit_code = tool_run(rcache_op_get(tool->cache, key, &size, 1, NULL), tool, &result);
    rcache_result_free(result);
    return exit_code;
}

static size_t play_all(struct run *run) {
    pthread_t players[AT_ONCE];
    size_t count = 0;
    pthread_mutex_init(&run->lock, NULL);
    pthread_cond_init(&run->told, NULL);
    while (count < AT_ONCE && pthread_create(&players[count], NULL, play_some, run) == 0)
        count++;
    if (count == 0)
        play_some(run);
    size_t failed = print_verdicts(run);
    for (size_t i = 0; i < count; i++)
        pthread_join(players[i], NULL);
    return failed;
}

int conform_main(struct tool *tool) {
    static struct run run; /* too large for a stack */
    int exit_code = probe(tool);
    if (exit_code != EXIT_DONE)
        return exit_code;
    run.tool = tool;
    const char *problem = cases_read(&run.cases, tool->args, tool->arg_count);
    if (problem == NULL && run.cases.count > CASES_MAX)
        problem = "too many cases for one run";
    if (problem == NULL && getrandom(&run.random, sizeof run.random, 0) != sizeof run.random)
        problem = "there are no random numbers";
    if (problem != NULL)
        exit_code = tool_complain(EXIT_FAILED, "the cases can't be played: %s", problem);
    else if (play_all(&run) > 0)
        exit_code = EXIT_ABSENT;
    cases_clear(&run.cases);
    return exit_code;
}
