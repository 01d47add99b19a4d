#include "support/covered.h"

#include "support/scene.h"

#include <stdio.h>
#include <string.h>

enum { NAMES_MAX = 128 };

static const char *names[NAMES_MAX];
static size_t count;

static size_t find(const char *name) {
    size_t i = 0;
    while (i < count && strcmp(names[i], name) != 0)
        i++;
    return i;
}

void covered_note(const char *name) {
    size_t at = find(name);
    if (at < count)
        return;
    assert_true(count < NAMES_MAX);
    names[count++] = name;
}

void covered_check(void) {
    char name[128];
    size_t listed = 0;
    FILE *file = fopen(RCACHE_SYMBOLS_FILE, "r");
    assert_non_null(file);
    for (; fscanf(file, "%127s", name) == 1; listed++)
        if (find(name) == count)
            fail_msg("this test never calls %s: a new public function belongs into one of its parts", name);
    fclose(file);
    assert_int_equal(count, listed);
}
