#include "runtime/quantity.h"

#define BILLION 1000000000

struct word { /* a unit and what one of it is, or a boolean's name and truth */
    const char *text;
    uint64_t value;
};

static bool word_equal(struct slice text, const char *word) {
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (word[i] == '\0' || (c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c) != word[i])
            return false;
    }
    return word[text.size] == '\0';
}

static bool word_find(struct slice text, const struct word *words, size_t count, uint64_t *value) {
    for (size_t i = 0; i < count; i++) {
        if (word_equal(text, words[i].text)) {
            *value = words[i].value;
            return true;
        }
    }
    return false;
}

/* Digits from *at on, as a number of at most `limit`; false if there are none. */
static bool read_digits(struct slice text, size_t *at, uint64_t limit, uint64_t *number) {
    size_t start = *at;
    *number = 0;
    for (; *at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9'; (*at)++) {
        *number = *number * 10 + (uint64_t)(text.data[*at] - '0');
        if (*number > limit)
            *number = limit;
    }
    return *at > start;
}

/* As digits: the first nine places, in billionths; *inexact if there is more behind them. */
static bool read_fraction(struct slice text, size_t *at, uint64_t *billionths, bool *inexact) {
    size_t start = *at;
    uint64_t place = BILLION;
    *billionths = 0;
    *inexact = false;
    for (; *at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9'; (*at)++) {
        place /= 10;
        *billionths += place * (uint64_t)(text.data[*at] - '0');
        *inexact |= place == 0 && text.data[*at] != '0';
    }
    return *at > start;
}

static bool read_quantity(struct slice text, const struct word *units, size_t count, int64_t *value) {
    uint64_t whole, billionths = 0, scale;
    bool inexact = false;
    size_t at = 0;
    if (!read_digits(text, &at, QUANTITY_MAX, &whole))
        return false;
    if (at < text.size && text.data[at] == '.') {
        at++;
        if (!read_fraction(text, &at, &billionths, &inexact))
            return false;
    }
    if (!word_find(slice_of(text.data + at, text.size - at), units, count, &scale))
        return false;
    uint64_t sum = QUANTITY_MAX;
    if (whole <= QUANTITY_MAX / scale)
        sum = whole * scale + (billionths * scale + BILLION / 2) / BILLION;
    if (sum == 0 && (billionths > 0 || inexact))
        sum = 1;
    *value = sum < QUANTITY_MAX ? (int64_t)sum : QUANTITY_MAX;
    return true;
}

bool quantity_integer(struct slice text, int64_t *number) {
    uint64_t digits;
    size_t at = 0;
    if (!read_digits(text, &at, QUANTITY_MAX, &digits) || at < text.size)
        return false;
    *number = (int64_t)digits;
    return true;
}

bool quantity_billionths(struct slice text, int64_t *billionths) {
    static const struct word units[] = { { "", BILLION } };
    return read_quantity(text, units, sizeof units / sizeof units[0], billionths);
}

bool quantity_duration(struct slice text, int64_t *ms) {
    static const struct word units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "", 1000 } };
    return read_quantity(text, units, sizeof units / sizeof units[0], ms);
}

bool quantity_size(struct slice text, int64_t *bytes) {
    static const struct word units[] = { { "", 1 }, { "kb", 1 << 10 }, { "mb", 1 << 20 }, { "gb", 1 << 30 } };
    return read_quantity(text, units, sizeof units / sizeof units[0], bytes);
}

bool quantity_boolean(struct slice text, int64_t *truth) {
    static const struct word words[] = { { "yes", 1 }, { "no", 0 },    { "true", 1 }, { "false", 0 },
                                         { "on", 1 },  { "off", 0 },   { "1", 1 },    { "0", 0 } };
    uint64_t value;
    if (!word_find(text, words, sizeof words / sizeof words[0], &value))
        return false;
    *truth = (int64_t)value;
    return true;
}
