/* The benchmark's worker in C:  worker URL CONTENDER WORKLOAD CALLERS SIZE KEYS BATCH SECONDS
 *
 * It says "ready" when its connections stand, measures once for each line that it is told, and prints a line of JSON.
 */
#include "worker.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static void make_names(struct task *task) {
    char name[128];
    size_t end = 0;
    for (size_t i = 0; i < 2 * task->keys; i++) {
        int size = snprintf(name, sizeof name, "bench:%s:%zu:%012zu", task->contender, task->size, i % task->keys);
        if (task->names == NULL) {
            task->key_size = (size_t)size;
            task->names = malloc(2 * task->keys * task->key_size);
        }
        if (task->names == NULL || task->key_size != (size_t)size)
            die("no memory for %zu keys", task->keys);
        memcpy(task->names + end, name, task->key_size);
        end += task->key_size;
    }
}

static char *value_of(size_t size) {
    char *value = malloc(size + 1);
    if (value == NULL)
        die("no memory for a value of %zu bytes", size);
    uint32_t state = 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        value[i] = (char)('a' + (state >> 24) % 26);
    }
    return value;
}

static size_t count_of(const char *text) {
    char *end;
    unsigned long count = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0')
        die("'%s' is no count", text);
    return count;
}

int main(int argc, char **argv) {
    static const struct contender *const contenders[] = { &contender_resilicache, &contender_hiredis };
    if (argc != 9)
        die("usage: worker URL CONTENDER WORKLOAD CALLERS SIZE KEYS BATCH SECONDS");
    struct task task = { argv[1], argv[2], argv[3], count_of(argv[4]), count_of(argv[5]), count_of(argv[6]),
                         count_of(argv[7]), atof(argv[8]), value_of(count_of(argv[5])), NULL, 0 };
    make_names(&task);
    const struct contender *contender = NULL;
    for (size_t i = 0; i < sizeof contenders / sizeof contenders[0]; i++)
        if (strcmp(contenders[i]->name, task.contender) == 0)
            contender = contenders[i];
    if (contender == NULL)
        die("no contender '%s'", task.contender);
    struct crew *crew = crew_new(&task, contender);
    puts("ready");
    fflush(stdout);
    for (char line[256]; fgets(line, sizeof line, stdin) != NULL; fflush(stdout))
        crew_run(crew, task.seconds, true);
    return 0;
}
