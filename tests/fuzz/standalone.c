/* standalone: runs a fuzz target without a fuzzer: every file of the corpus, then `--mutate N` variations of each by a
 * fixed seed, so that a failure repeats.  The input that fails is left in a file, which may be named instead of a
 * corpus. */
#include "base/random.h"
#include "target.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>

/* The sanitizers' own, where there are any. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

enum { INPUT_SIZE_MAX = 64 * 1024 };

/* One to four bytes changed, removed or doubled. */
static size_t mutate(uint8_t *data, size_t size, struct random *random) {
    for (uint64_t edits = random_next(random) % 4 + 1; edits > 0 && size > 0; edits--) {
        size_t at = random_next(random) % size;
        switch (random_next(random) % 4) {
        case 0:
            data[at] ^= (uint8_t)(1u << random_next(random) % 8);
            break;
        case 1:
            data[at] = (uint8_t)random_next(random);
            break;
        case 2:
            memmove(data + at, data + at + 1, size - at - 1);
            size--;
            break;
        default:
            if (size < INPUT_SIZE_MAX) {
                memmove(data + at + 1, data + at, size - at);
                size++;
            }
        }
    }
    return size;
}

static const uint8_t *at_hand;
static size_t at_hand_size;

static void keep_input(void) {
    FILE *file = at_hand != NULL ? fopen("failed-input", "wb") : NULL;
    if (file == NULL)
        return;
    fwrite(at_hand, 1, at_hand_size, file);
    fclose(file);
    fprintf(stderr, "the input is in ./failed-input\n");
}

static void keep_input_of_check(int number) {
    keep_input();
    signal(number, SIG_DFL);
    raise(number);
}

static void run(const uint8_t *data, size_t size) {
    uint8_t *exact = malloc(size > 0 ? size : 1); /* of its very size, so that the sanitizer sees each byte beyond */
    if (exact == NULL)
        abort();
    memcpy(exact, data, size);
    at_hand = data;
    at_hand_size = size;
    LLVMFuzzerTestOneInput(exact, size);
    at_hand = NULL;
    free(exact);
}

static size_t run_file(const char *path, long mutations) {
    static uint8_t data[INPUT_SIZE_MAX], changed[INPUT_SIZE_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return 0;
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    run(data, size);
    struct random random = { size };
    for (long i = 0; i < mutations; i++) {
        memcpy(changed, data, size);
        run(changed, mutate(changed, size, &random));
    }
    return 1;
}

static size_t run_path(const char *path, long mutations) {
    size_t files = 0;
    DIR *directory = opendir(path);
    if (directory == NULL)
        return run_file(path, mutations);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char name[1024];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        files += run_file(name, mutations);
    }
    closedir(directory);
    return files;
}

int main(int argc, char **argv) {
    long mutations = 0;
    size_t files = 0;
    signal(SIGABRT, keep_input_of_check);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(keep_input);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--mutate") == 0 && i + 1 < argc)
            mutations = strtol(argv[++i], NULL, 10);
        else
            files += run_path(argv[i], mutations);
    }
    printf("%zu files, %ld mutations of each\n", files, mutations);
    return files > 0 ? 0 : 1;
}
