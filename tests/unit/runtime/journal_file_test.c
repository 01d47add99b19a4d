/* journal_file: what is written is there again; what was cut off, damaged, or is another's, is found to be so. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/journal_file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[] = "/tmp/resilicache-journal-XXXXXX";
static char path[64];

static int setup(void **state) {
    (void)state;
    strcpy(directory + sizeof directory - 7, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/journal", directory);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    unlink(path);
    return rmdir(directory); /* nothing else is there */
}

static const struct journal_entry ENTRIES[] = {
    { 1, { "user:1", 6 }, { NULL, 0 }, 0 },
    { 2, { "a\0b", 3 }, { "owner 7", 7 }, 0 },
    { 1, { "user:2", 6 }, { NULL, 0 }, INT64_MAX },
    { 2, { "a\0b", 3 }, { "owner 7", 7 }, 7 },
    { 3, { "", 0 }, { NULL, 0 }, 0 },
    { 0, { "user:1", 6 }, { NULL, 0 }, 0 },
};
enum { COUNT = sizeof ENTRIES / sizeof ENTRIES[0], MAGIC_SIZE = 8, BYTES_MAX = 1024 };

static struct journal_file *open_file(struct buffer *bytes) {
    struct journal_file *file;
    rcache_error err = RCACHE_ERROR_INIT;
    if (journal_file_open(path, &file, bytes, &err) != RCACHE_OK)
        fail_msg("%s", err.message);
    return file;
}

static void expect_refusal(const char *part) {
    struct journal_file *file;
    struct buffer bytes;
    rcache_error err = RCACHE_ERROR_INIT;
    assert_int_equal(journal_file_open(path, &file, &bytes, &err), RCACHE_E_INVALID);
    assert_null(file);
    if (strstr(err.message, part) == NULL || strstr(err.message, path) == NULL)
        fail_msg("no '%s' and no path in: %s", part, err.message);
}

/* How many of ENTRIES are there, in their order, and nothing else. */
static size_t count_entries(const struct buffer *bytes) {
    struct slice rest = buffer_slice(bytes);
    struct journal_entry entry;
    size_t count = 0;
    for (; journal_next(&rest, &entry); count++) {
        assert_true(count < COUNT);
        assert_int_equal(entry.kind, ENTRIES[count].kind);
        assert_true(slice_equal(entry.key, ENTRIES[count].key));
        assert_true(slice_equal(entry.owner, ENTRIES[count].owner));
        assert_int_equal(entry.version, ENTRIES[count].version);
    }
    assert_int_equal(rest.size, 0);
    return count;
}

static size_t reopen(void) {
    struct buffer bytes;
    struct journal_file *file = open_file(&bytes);
    size_t count = count_entries(&bytes);
    buffer_clear(&bytes);
    journal_file_close(file);
    return count;
}

static void append(struct journal_file *file, size_t first, size_t end) {
    for (size_t i = first; i < end; i++)
        assert_null(journal_file_append(file, &ENTRIES[i]));
}

static void write_entries(size_t end) {
    struct buffer bytes;
    struct journal_file *file = open_file(&bytes);
    buffer_clear(&bytes);
    append(file, 0, end);
    journal_file_close(file);
}

static size_t read_bytes(char *bytes) {
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, bytes, BYTES_MAX);
    close(fd);
    assert_true(size > 0 && size < BYTES_MAX);
    return (size_t)size;
}

static void write_bytes(const char *bytes, size_t size) {
    int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

static void what_was_written_is_there_again(void **state) {
    (void)state;
    write_entries(COUNT);
    assert_int_equal(reopen(), COUNT);
    assert_int_equal(reopen(), COUNT);
}

static void one_that_was_written_before_there_were_versions_is_read(void **state) {
    (void)state;
    static const char bytes[] = "rcjrnl1\n\xc3\xb0\xb6\xd9\x66\xf0\xba\x75\6\0\0\0\1\0\0\0user:1";
    write_bytes(bytes, sizeof bytes - 1);
    assert_int_equal(reopen(), 1);
}

static void others_can_not_read_it(void **state) {
    (void)state;
    struct stat found;
    write_entries(1);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
}

/* Where the k-th record ends. */
static size_t end_of(size_t k) {
    size_t end = MAGIC_SIZE;
    for (size_t i = 0; i < k; i++)
        end += journal_encoded_size(&ENTRIES[i]);
    return end;
}

static void what_is_cut_off_anywhere_leaves_what_was_whole(void **state) {
    (void)state;
    char bytes[BYTES_MAX];
    write_entries(COUNT);
    size_t size = read_bytes(bytes), whole = 0;
    assert_int_equal(size, end_of(COUNT));
    for (size_t cut = 0; cut <= size; cut++) {
        write_bytes(bytes, cut);
        while (whole < COUNT && end_of(whole + 1) <= cut)
            whole++;
        struct buffer found;
        struct journal_file *file = open_file(&found);
        assert_int_equal(count_entries(&found), whole);
        buffer_clear(&found);
        append(file, whole, COUNT); /* and it goes on from there */
        journal_file_close(file);
        assert_int_equal(reopen(), COUNT);
    }
}

static void zeros_behind_it_are_cut_off(void **state) {
    (void)state;
    char bytes[BYTES_MAX] = { 0 };
    write_entries(COUNT);
    size_t size = read_bytes(bytes);
    memset(bytes + size, 0, BYTES_MAX - size);
    write_bytes(bytes, BYTES_MAX);
    assert_int_equal(reopen(), COUNT);
}

static void a_bit_that_flipped_is_noticed_wherever_it_is(void **state) {
    (void)state;
    char bytes[BYTES_MAX];
    write_entries(COUNT);
    size_t size = read_bytes(bytes);
    for (size_t at = 0; at < size; at++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[at] = (char)(bytes[at] ^ 1 << bit);
            write_bytes(bytes, size);
            if (at < MAGIC_SIZE)
                expect_refusal("it is no journal");
            else if (at < end_of(COUNT - 1))
                expect_refusal("it is damaged");
            else
                assert_int_equal(reopen(), COUNT - 1); /* as if it had been cut off */
            bytes[at] = (char)(bytes[at] ^ 1 << bit);
        }
}

static void a_file_that_is_none_is_left_as_it_is(void **state) {
    (void)state;
    char bytes[BYTES_MAX];
    write_bytes("something else", 14);
    expect_refusal("it is no journal");
    assert_int_equal(read_bytes(bytes), 14);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    expect_refusal("directory");
    rmdir(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_refusal("plain file");
    unlink(path);
    snprintf(path, sizeof path, "%s/none/journal", directory);
    expect_refusal("No such file");
    snprintf(path, sizeof path, "%s/journal", directory);
}

static void two_do_not_have_it_at_once(void **state) {
    (void)state;
    struct buffer bytes;
    struct journal_file *file = open_file(&bytes);
    buffer_clear(&bytes);
    expect_refusal("another cache has it open");
    journal_file_close(file);
    assert_int_equal(reopen(), 0);
}

/* The holder is another process, and is killed. */
static void a_process_that_is_killed_leaves_it_to_the_next(void **state) {
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct buffer bytes;
        struct journal_file *file = open_file(&bytes);
        append(file, 0, COUNT);
        if (write(ready[1], "!", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    expect_refusal("another cache has it open");
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(reopen(), COUNT);
    close(ready[0]);
    close(ready[1]);
}

/* A record that does not fit is not half there. */
static void a_full_disk_is_told_and_leaves_it_whole(void **state) {
    (void)state;
    struct rlimit before, limit;
    struct buffer bytes;
    struct journal_file *file = open_file(&bytes);
    buffer_clear(&bytes);
    append(file, 0, 2);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = (struct rlimit){ end_of(2) + 5, before.rlim_max };
    setrlimit(RLIMIT_FSIZE, &limit);
    const char *why = journal_file_append(file, &ENTRIES[2]);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_non_null(why);
    assert_non_null(strstr(why, "journal_file can't be written: "));
    append(file, 2, COUNT);
    journal_file_close(file);
    assert_int_equal(reopen(), COUNT);
}

static void it_is_written_anew_when_most_of_it_is_dead(void **state) {
    (void)state;
    struct buffer bytes, records = BUFFER_INIT;
    struct journal_file *file = open_file(&bytes);
    buffer_clear(&bytes);
    while (!journal_file_is_bloated(file, 1000))
        append(file, 0, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(journal_encode(&records, &ENTRIES[i]));
    journal_file_replace(file, buffer_slice(&records));
    buffer_clear(&records);
    assert_false(journal_file_is_bloated(file, 1000));
    expect_refusal("another cache has it open"); /* the new one, too */
    journal_file_close(file);
    assert_int_equal(reopen(), COUNT);
}

static void one_that_can_not_be_written_anew_stays(void **state) {
    (void)state;
    struct buffer bytes;
    struct journal_file *file = open_file(&bytes);
    buffer_clear(&bytes);
    append(file, 0, COUNT);
    char blocked[80];
    snprintf(blocked, sizeof blocked, "%s.new", path);
    assert_int_equal(mkdir(blocked, 0700), 0);
    journal_file_replace(file, slice_of(NULL, 0));
    rmdir(blocked);
    journal_file_close(file);
    assert_int_equal(reopen(), COUNT);
}

static void nothing_is_left_in_an_empty_one(void **state) {
    (void)state;
    struct buffer bytes;
    struct journal_file *file = open_file(&bytes);
    buffer_clear(&bytes);
    append(file, 0, 3);
    journal_file_empty(file);
    append(file, 0, 1);
    journal_file_close(file);
    assert_int_equal(reopen(), 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_is_there_again),
        TEST(one_that_was_written_before_there_were_versions_is_read),
        TEST(others_can_not_read_it),
        TEST(what_is_cut_off_anywhere_leaves_what_was_whole),
        TEST(zeros_behind_it_are_cut_off),
        TEST(a_bit_that_flipped_is_noticed_wherever_it_is),
        TEST(a_file_that_is_none_is_left_as_it_is),
        TEST(two_do_not_have_it_at_once),
        TEST(a_process_that_is_killed_leaves_it_to_the_next),
        TEST(a_full_disk_is_told_and_leaves_it_whole),
        TEST(it_is_written_anew_when_most_of_it_is_dead),
        TEST(one_that_can_not_be_written_anew_stays),
        TEST(nothing_is_left_in_an_empty_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
