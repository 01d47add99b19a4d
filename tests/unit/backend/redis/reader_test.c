/* reader: every RESP type, cut anywhere; bounds; and what it costs. */
#include "talk.h"

#include <hiredis/alloc.h>

/* A value as text: nil, 'text', :integer, +status, -error, ,double, #boolean, [array], >[push]. */
static char *print(char *at, const struct resp *resp) {
    int size = (int)resp->text.size;
    switch (resp->type) {
    case RESP_NIL:
        return at + sprintf(at, "nil");
    case RESP_TEXT:
        return at + sprintf(at, "'%.*s'", size, resp->text.data);
    case RESP_STATUS:
        return at + sprintf(at, "+%.*s", size, resp->text.data);
    case RESP_ERROR:
        return at + sprintf(at, "-%.*s", size, resp->text.data);
    case RESP_DOUBLE:
        return at + sprintf(at, ",%.*s", size, resp->text.data);
    case RESP_INTEGER:
        return at + sprintf(at, ":%lld", (long long)resp->integer);
    case RESP_BOOLEAN:
        return at + sprintf(at, "#%d", (int)resp->integer);
    case RESP_PUSH:
    case RESP_ARRAY:
        break;
    }
    at += sprintf(at, "%s", resp->type == RESP_PUSH ? ">[" : "[");
    for (size_t i = 0; i < resp->count; i++) {
        at += sprintf(at, "%s", i > 0 ? " " : "");
        at = print(at, &resp->items[i]);
    }
    return at + sprintf(at, "]");
}

/* All values of the bytes, fed in two pieces, apart by " | "; "!" and the error where they make no sense. */
static const char *read_cut(const char *bytes, size_t size, size_t cut) {
    static char text[TALK_SIZE];
    char *at = text;
    text[0] = '\0';
    struct reader *reader = reader_new();
    assert_non_null(reader);
    int got = 0;
    for (size_t piece = 0; piece < 2 && got >= 0; piece++) {
        const struct resp *resp;
        assert_true(reader_feed(reader, bytes + (piece > 0 ? cut : 0), piece > 0 ? size - cut : cut));
        while ((got = reader_next(reader, &resp)) == 1) {
            at += sprintf(at, "%s", at != text ? " | " : "");
            at = print(at, resp);
        }
    }
    if (got < 0)
        sprintf(at, "!%s", reader_error(reader));
    reader_free(reader);
    return text;
}

static void expect_values(const char *bytes, const char *expected) {
    for (size_t cut = 0; cut <= strlen(bytes); cut++)
        assert_string_equal(read_cut(bytes, strlen(bytes), cut), expected);
}

static void every_type_is_read_however_it_is_cut(void **state) {
    (void)state;
    expect_values("+OK\r\n-ERR no\r\n:-42\r\n", "+OK | -ERR no | :-42");
    expect_values("$5\r\nhello\r\n$0\r\n\r\n$-1\r\n_\r\n*-1\r\n", "'hello' | '' | nil | nil | nil");
    expect_values("*3\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n$-1\r\n*0\r\n", "['a' [:1 []] nil] | []");
    expect_values("%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n~1\r\n:3\r\n", "[+a :1 +b [:2]] | [:3]");
    expect_values(">2\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n", ">['a' ['b']]");
    expect_values(",1.5\r\n,inf\r\n#t\r\n#f\r\n(12345678901234567890\r\n=6\r\ntxt:hi\r\n",
                  ",1.5 | ,inf | #1 | #0 | '12345678901234567890' | 'hi'");
}

static void large_texts_are_blobs(void **state) {
    (void)state;
    char bytes[700];
    const size_t sizes[] = { 256, 257, 600 };
    for (size_t i = 0; i < 3; i++) {
        int head = sprintf(bytes, "*1\r\n$%zu\r\n", sizes[i]);
        memset(bytes + head, 'x', sizes[i]);
        memcpy(bytes + (size_t)head + sizes[i], "\r\n", 2);
        const struct resp *resp;
        struct reader *reader = reader_new();
        assert_non_null(reader);
        assert_true(reader_feed(reader, bytes, (size_t)head + sizes[i] + 2));
        assert_int_equal(reader_next(reader, &resp), 1);
        assert_int_equal(resp->items[0].text.size, sizes[i]);
        assert_int_equal(resp->items[0].blob != NULL, sizes[i] > 256);
        reader_free(reader);
    }
}

static void sixty_four_mebibytes_are_one_value(void **state) {
    (void)state;
    enum { SIZE = 64 << 20, PIECE = 64 << 10 };
    static char piece[PIECE];
    memset(piece, 'x', sizeof piece);
    const struct resp *resp;
    struct reader *reader = reader_new();
    assert_non_null(reader);
    assert_true(reader_feed(reader, "$67108864\r\n", 11));
    for (size_t sent = 0; sent < SIZE; sent += PIECE) {
        assert_int_equal(reader_next(reader, &resp), 0);
        assert_true(reader_feed(reader, piece, PIECE));
    }
    assert_true(reader_feed(reader, "\r\n:1\r\n", 6));
    assert_int_equal(reader_next(reader, &resp), 1);
    assert_int_equal(resp->blob->size, SIZE);
    assert_int_equal(resp->blob->data[SIZE - 1], 'x');
    assert_int_equal(reader_next(reader, &resp), 1);
    assert_int_equal(resp->integer, 1);
    reader_free(reader);
}

enum { LARGE = 20000, LARGE_SPELLED = LARGE + 64 };

/* [large "" large] and 1, with line ends all over; returns the size. */
static size_t spell_large(char *bytes, const char *large) {
    int at = sprintf(bytes, "*3\r\n$%d\r\n", LARGE);
    memcpy(bytes + at, large, LARGE);
    at += LARGE;
    at += sprintf(bytes + at, "\r\n$0\r\n\r\n$%d\r\n", LARGE);
    memcpy(bytes + at, large, LARGE);
    at += LARGE;
    return (size_t)(at + sprintf(bytes + at, "\r\n:1\r\n"));
}

/* In pieces that end at the two cuts. */
static void expect_large(const char *bytes, size_t size, const char *large, size_t first, size_t second) {
    const size_t ends[] = { first, second, size };
    const struct resp *resp;
    struct reader *reader = reader_new();
    int found = 0;
    for (size_t i = 0, at = 0; i < 3; at = ends[i++]) {
        assert_true(reader_feed(reader, bytes + at, ends[i] - at));
        for (; reader_next(reader, &resp) == 1; found++) {
            if (resp->type == RESP_INTEGER)
                continue;
            assert_int_equal(resp->count, 3);
            assert_int_equal(resp->items[1].text.size, 0);
            assert_int_equal(resp->items[2].blob->size, LARGE);
            assert_memory_equal(resp->items[0].text.data, large, LARGE);
            assert_memory_equal(resp->items[2].text.data, large, LARGE);
        }
    }
    assert_int_equal(found, 2);
    reader_free(reader);
}

static void large_texts_are_read_however_they_are_cut(void **state) {
    (void)state;
    static char large[LARGE], bytes[2 * LARGE_SPELLED];
    for (size_t i = 0; i < LARGE; i++)
        large[i] = "x\r\n$5\r\n:1"[i % 10];
    size_t size = spell_large(bytes, large), cuts[100], count = 0;
    for (size_t i = 0; i < 30; i++) { /* before and after each text's begin and end */
        cuts[count++] = i;
        cuts[count++] = LARGE + 10 + i;
        cuts[count++] = size - 20 + (i < 20 ? i : 20);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            if (cuts[i] <= cuts[j])
                expect_large(bytes, size, large, cuts[i], cuts[j]);
        }
    }
}

static void what_is_missing_of_a_large_text_is_told(void **state) {
    (void)state;
    static char large[LARGE], bytes[2 * LARGE_SPELLED];
    size_t size = spell_large(bytes, large), first = strlen("*3\r\n$20000\r\n");
    const struct resp *resp;
    struct reader *reader = reader_new();
    for (size_t at = 0; at < size; at++) {
        assert_true(reader_feed(reader, bytes + at, 1));
        int got = reader_next(reader, &resp);
        if (at + 1 >= first && at + 1 < first + LARGE)
            assert_int_equal(reader_missing(reader), first + LARGE - at - 1);
        else if (got == 1 || at + 1 < first || at + 1 < first + LARGE + 10)
            assert_int_equal(reader_missing(reader), 0);
    }
    reader_free(reader);
}

static void without_memory_for_it_a_large_text_does_no_harm(void **state) {
    (void)state;
    static char large[LARGE], bytes[2 * LARGE_SPELLED];
    size_t size = spell_large(bytes, large);
    for (int number = 1, needed = 1; number <= needed; number++) {
        const struct resp *resp;
        refuse_number(number);
        struct reader *reader = reader_new();
        bool ok = reader != NULL && reader_feed(reader, bytes, 100) && reader_next(reader, &resp) == 0;
        ok = ok && reader_feed(reader, bytes + 100, size - 100) && reader_next(reader, &resp) == 1;
        refuse_none();
        needed = asked;
        if (ok)
            assert_memory_equal(resp->items[2].text.data, large, LARGE);
        assert_true(ok || number <= needed); /* nothing else makes it fail */
        reader_free(reader);
    }
}

static void expect_refused(const char *bytes, const char *error) {
    char text[256];
    snprintf(text, sizeof text, "!%s", error);
    assert_string_equal(read_cut(bytes, strlen(bytes), 0), text);
}

static void nonsense_is_refused(void **state) {
    (void)state;
    expect_refused("?", "Protocol error, got \"?\" as reply type byte");
    expect_refused(":abc\r\n", "Bad integer value");
    expect_refused("$-2\r\n", "Bulk string length out of range");
    expect_refused("|1\r\n+a\r\n+b\r\n:1\r\n", "attributes were not asked for");
    expect_refused("*1\r\n|1\r\n+a\r\n+b\r\n:1\r\n", "attributes were not asked for");
}

static void items_are_bounded_over_the_whole_value(void **state) {
    (void)state;
    expect_refused("*1048577\r\n", "a reply of too many items");
    expect_refused("%1048576\r\n", "a reply of too many items");
    expect_refused("*2\r\n*600000\r\n*600000\r\n",
                   "a reply of too many items"); /* the second is an item of the first */
    expect_values("*1\r\n:1\r\n*1\r\n:1\r\n", "[:1] | [:1]");
    assert_string_equal(read_cut("*1048576\r\n:1\r\n", 14, 0), ""); /* more is to come */
}

static void depth_is_bounded(void **state) {
    (void)state;
    char bytes[2000] = "";
    for (int i = 0; i < 16; i++)
        strcat(bytes, "*1\r\n");
    strcat(bytes, ":1\r\n");
    assert_string_equal(read_cut(bytes, strlen(bytes), 0), "[[[[[[[[[[[[[[[[:1]]]]]]]]]]]]]]]]");
    char deeper[2100] = "*1\r\n";
    strcat(deeper, bytes);
    expect_refused(deeper, "a reply nested too deep");
}

/* After an error it says the same for ever, and feeding it does no harm. */
static void an_error_stays(void **state) {
    (void)state;
    const struct resp *resp;
    struct reader *reader = reader_new();
    assert_non_null(reader);
    assert_true(reader_feed(reader, "|1\r\n", 4));
    assert_int_equal(reader_next(reader, &resp), -1);
    assert_false(reader_feed(reader, ":1\r\n", 4));
    assert_int_equal(reader_next(reader, &resp), -1);
    assert_string_equal(reader_error(reader), "attributes were not asked for");
    reader_free(reader);
}

static void a_warm_hit_takes_no_memory(void **state) {
    (void)state;
    char bytes[TALK_SIZE];
    size_t size = spell(bytes, "*3 $value _ $e=00000000000000e1;n=5;h=44bc2cf5ad770999");
    const struct resp *resp;
    struct reader *reader = reader_new();
    assert_non_null(reader);
    for (int i = 0; i < 100; i++) {
        refuse_number(i > 0 ? 1 : 0);
        assert_true(reader_feed(reader, bytes, size));
        assert_int_equal(reader_next(reader, &resp), 1);
        refuse_none();
        assert_int_equal(asked > 0, i == 0);
    }
    reader_free(reader);
}

/* The parser's allocations refused too. */
static void without_memory_nothing_leaks(void **state) {
    (void)state;
    hiredisAllocFuncs ours = { mem_alloc, mem_alloc_zeroed, mem_resize, NULL, mem_free };
    char bytes[TALK_SIZE], large[400];
    memset(large, 'x', sizeof large);
    size_t size = spell(bytes, "*3 $small *2 :1 *1 $v");
    memcpy(bytes, "*4", 2);
    size += (size_t)sprintf(bytes + size, "$400\r\n%.400s\r\n", large);
    hiredisSetAllocators(&ours);
    for (int number = 1, needed = 1; number <= needed; number++) {
        const struct resp *resp;
        refuse_number(number);
        struct reader *reader = reader_new();
        bool ok = reader != NULL;
        for (size_t at = 0; ok && at < size; at++) { /* byte by byte, so that the tree grows under refusals */
            ok = reader_feed(reader, bytes + at, 1);
            int got = ok ? reader_next(reader, &resp) : -1;
            ok = got >= 0;
            assert_true(got < 1 || at + 1 == size);
        }
        refuse_none();
        needed = asked;
        assert_int_equal(ok, needed < number);
        reader_free(reader);
    }
    hiredisResetAllocators();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_read_however_it_is_cut),
        cmocka_unit_test(large_texts_are_blobs),
        cmocka_unit_test(sixty_four_mebibytes_are_one_value),
        cmocka_unit_test(large_texts_are_read_however_they_are_cut),
        cmocka_unit_test(what_is_missing_of_a_large_text_is_told),
        cmocka_unit_test(without_memory_for_it_a_large_text_does_no_harm),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(items_are_bounded_over_the_whole_value),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(an_error_stays),
        cmocka_unit_test(a_warm_hit_takes_no_memory),
        cmocka_unit_test(without_memory_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
