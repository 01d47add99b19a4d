/* target: what every fuzz target is made with.  A check that fails ends the program, so that the fuzzer, or
 * standalone.c, keeps the input. */
#ifndef RESILICACHE_TESTS_FUZZ_TARGET_H
#define RESILICACHE_TESTS_FUZZ_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(truth)                                                                                                   \
    do {                                                                                                               \
        if (!(truth)) {                                                                                                \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #truth);                                      \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* The input, taken byte by byte; zeros when it is at its end. */
struct input {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t input_byte(struct input *input) {
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

#endif
