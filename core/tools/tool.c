#include "tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int tool_complain(int exit_code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("resilicache: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return exit_code;
}

const char *tool_given(const struct tool *tool, const char *name) {
    const char *value = NULL;
    for (int i = 0; i < tool->given_count; i++)
        if (strcmp(tool->given[i].name, name) == 0)
            value = tool->given[i].value;
    return value;
}

int64_t tool_duration_ms(const char *text) {
    char unit[3] = "";
    char rest = '\0';
    double number = 0;
    int fields = sscanf(text, "%lf%2[a-z]%c", &number, unit, &rest);
    double factor = strcmp(unit, "") == 0 || strcmp(unit, "s") == 0 ? 1000
                  : strcmp(unit, "ms") == 0                         ? 1
                  : strcmp(unit, "m") == 0                          ? 60000
                  : strcmp(unit, "h") == 0                          ? 3600000
                                                                    : 0;
    if (fields >= 1 && fields <= 2 && factor > 0 && number * factor >= 1 && number * factor < 1e15)
        return (int64_t)(number * factor);
    return 0;
}

int64_t tool_ttl_ms(const struct tool *tool) {
    int64_t ttl_ms = tool->ttl != NULL ? tool_duration_ms(tool->ttl) : 60000;
    if (ttl_ms > 0)
        return ttl_ms;
    tool_complain(0, "--ttl '%s' is no time to live: write 500ms, 10s, 5m or 1h", tool->ttl);
    return 0;
}

bool batch_of_args(const struct tool *tool, struct batch *batch) {
    size_t size = 0;
    for (int i = 0; i < tool->arg_count; i++)
        size += strlen(tool->args[i]);
    *batch = (struct batch){ malloc(size + 1), calloc((size_t)tool->arg_count + 1, sizeof(uint32_t)), 0 };
    if (batch->bytes == NULL || batch->sizes == NULL) {
        batch_clear(batch);
        return false;
    }
    char *at = batch->bytes;
    for (int i = 0; i < tool->arg_count; i++) {
        size_t length = strlen(tool->args[i]);
        memcpy(at, tool->args[i], length);
        at += length;
        batch->sizes[batch->count++] = (uint32_t)length;
    }
    return true;
}

void batch_clear(struct batch *batch) {
    free(batch->bytes);
    free(batch->sizes);
    *batch = (struct batch){ NULL, NULL, 0 };
}

int tool_run(rcache_op *op, const struct tool *tool, rcache_result **result) {
    (void)tool;
    if (rcache_op_run(op, NULL, NULL, result) == RCACHE_OK)
        return EXIT_DONE;
    size_t count = rcache_result_values(*result, NULL, 0);
    for (size_t i = 0; i < count; i++)
        if (rcache_result_message(*result, i)[0] != '\0')
            tool_complain(0, "%s", rcache_result_message(*result, i));
    return EXIT_FAILED;
}

const char *outcome_name(int32_t outcome) {
    switch (outcome) {
    case RCACHE_HIT: return "hit";
    case RCACHE_LOADED: return "loaded";
    case RCACHE_STALE: return "stale";
    case RCACHE_ABSENT: return "absent";
    case RCACHE_DONE: return "done";
    default: return "failed";
    }
}

int tool_print_value(const struct tool *tool, const char *key, const rcache_value *value) {
    bool absent = value->outcome == RCACHE_ABSENT;
    if (tool->json) {
        fputs("{\"key\": ", stdout);
        json_print(key, strlen(key));
        printf(", \"outcome\": \"%s\", \"value\": ", outcome_name(value->outcome));
        if (absent)
            fputs("null", stdout);
        else
            json_print(value->data, value->size);
        puts("}");
    } else if (!absent) {
        if (value->size > 0)
            fwrite(value->data, 1, value->size, stdout);
        if (isatty(STDOUT_FILENO))
            putchar('\n');
    } else {
        tool_complain(0, "'%s' is not there", key);
    }
    return absent ? EXIT_ABSENT : EXIT_DONE;
}

/* The length of the UTF-8 character at `text` (RFC 3629, section 4), or 0 if there is none. */
static size_t character_size(const unsigned char *text, size_t left) {
    unsigned char first = text[0];
    size_t size = first < 0x80                    ? 1
                  : first >= 0xC2 && first < 0xE0 ? 2
                  : (first & 0xF0) == 0xE0        ? 3
                  : first >= 0xF0 && first < 0xF5 ? 4
                                                  : 0;
    if (size == 0 || size > left)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (first == 0xE0 && text[1] < 0xA0) || (first == 0xF0 && text[1] < 0x90);
    bool surrogate = first == 0xED && text[1] >= 0xA0;
    bool too_large = first == 0xF4 && text[1] >= 0x90;
    return overlong || surrogate || too_large ? 0 : size;
}

static bool is_text(const unsigned char *data, size_t size) {
    for (size_t i = 0, step; i < size; i += step)
        if ((step = character_size(data + i, size - i)) == 0)
            return false;
    return true;
}

static void print_base64(const unsigned char *data, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t count = size - i < 3 ? size - i : 3;
        uint32_t bits =
            (uint32_t)data[i] << 16 | (count > 1 ? (uint32_t)data[i + 1] << 8 : 0) | (count > 2 ? data[i + 2] : 0);
        for (size_t j = 0; j < 4; j++)
            putchar(j <= count ? digits[bits >> (18 - 6 * j) & 63] : '=');
    }
}

void json_print(const void *bytes, size_t size) {
    const unsigned char *data = bytes;
    if (!is_text(data, size)) {
        fputs("{\"base64\": \"", stdout);
        print_base64(data, size);
        fputs("\"}", stdout);
        return;
    }
    putchar('"');
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '"' || data[i] == '\\')
            putchar('\\');
        if (data[i] < 0x20)
            printf("\\u%04x", data[i]);
        else
            putchar(data[i]);
    }
    putchar('"');
}
