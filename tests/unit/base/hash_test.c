/* XXH64 as published: values computed by the reference implementation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"

#include <string.h>

enum { BYTES = 222 };
static const uint64_t SEED = 2654435761u;

/* The bytes that the reference implementation checks itself with. */
static void fill(unsigned char *bytes) {
    uint64_t generator = SEED;
    for (size_t i = 0; i < BYTES; i++) {
        bytes[i] = (unsigned char)(generator >> 56);
        generator *= 11400714785074694797u;
    }
}

static void hash_is_that_of_the_reference_implementation(void **state) {
    (void)state;
    static const struct {
        size_t size;
        uint64_t unseeded, seeded;
    } rows[] = {
        { 0, 0xEF46DB3751D8E999u, 0xAC75FDA2929B17EFu },   { 1, 0xE934A84ADB052768u, 0x5014607643A9B4C3u },
        { 4, 0x9136A0DCA57457EEu, 0xCAAB286BD8E9FDB5u },   { 14, 0x8282DCC4994E35C8u, 0xC3BD6BF63DEB6DF0u },
        { 222, 0xB641AE8CB691C174u, 0x20CB8AB7AE10C14Au },
    };
    unsigned char bytes[BYTES];
    fill(bytes);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(hash64(bytes, rows[i].size, 0) == rows[i].unseeded);
        assert_true(hash64(bytes, rows[i].size, SEED) == rows[i].seeded);
    }
}

static void hash_of_texts_is_that_of_the_reference_implementation(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t hash;
    } rows[] = {
        { "a", 0xD24EC4F1A98C6E5Bu },
        { "abc", 0x44BC2CF5AD770999u },
        { "0123456789abcdef0123456789abcdef", 0x642A94958E71E6C5u },
        { "Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1u },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(hash64(rows[i].text, strlen(rows[i].text), 0) == rows[i].hash);
}

static void hash_does_not_depend_on_alignment(void **state) {
    (void)state;
    unsigned char bytes[BYTES], moved[BYTES + 8];
    fill(bytes);
    for (size_t offset = 0; offset < 8; offset++) {
        memcpy(moved + offset, bytes, BYTES);
        assert_true(hash64(moved + offset, BYTES, 1) == hash64(bytes, BYTES, 1));
    }
}

static void nothing_has_a_hash(void **state) {
    (void)state;
    assert_true(hash64(NULL, 0, 0) == 0xEF46DB3751D8E999u);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_is_that_of_the_reference_implementation),
        cmocka_unit_test(hash_of_texts_is_that_of_the_reference_implementation),
        cmocka_unit_test(hash_does_not_depend_on_alignment),
        cmocka_unit_test(nothing_has_a_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
