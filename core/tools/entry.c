/* entry: the commands on stored entries: get, set, invalidate, delete, inspect. */
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef rcache_op *begin_function(rcache *cache, const void *keys, const uint32_t *key_sizes, size_t count,
                                  const rcache_call *call);

static int one_value(struct tool *tool, begin_function *begin,
                     int (*print)(const struct tool *, const char *, const rcache_value *)) {
    if (tool->arg_count != 1)
        return EXIT_USAGE;
    uint32_t size = (uint32_t)strlen(tool->args[0]);
    rcache_result *result;
    int exit_code = tool_run(begin(tool->cache, tool->args[0], &size, 1, NULL), tool, &result);
    rcache_value value;
    rcache_result_values(result, &value, 1);
    if (exit_code == EXIT_DONE)
        exit_code = print(tool, tool->args[0], &value);
    rcache_result_free(result);
    return exit_code;
}

int get_main(struct tool *tool) {
    return one_value(tool, rcache_op_get, tool_print_value);
}

/* "name value" lines as they are, or as a JSON object; numbers stay numbers. */
static int print_entry(const struct tool *tool, const char *key, const rcache_value *value) {
    if (value->outcome == RCACHE_ABSENT)
        return tool_print_value(tool, key, value);
    if (!tool->json) {
        fwrite(value->data, 1, value->size, stdout);
        return EXIT_DONE;
    }
    const char *at = value->data, *end = at + value->size;
    fputs("{\"key\": ", stdout);
    json_print(key, strlen(key));
    while (at < end) {
        const char *space = memchr(at, ' ', (size_t)(end - at)), *stop = memchr(at, '\n', (size_t)(end - at));
        if (space == NULL || stop == NULL || stop < space)
            break;
        fputs(", ", stdout);
        json_print(at, (size_t)(space - at));
        fputs(": ", stdout);
        size_t digits = strspn(space + 1, "-0123456789");
        if (digits > 0 && space + 1 + digits == stop)
            fwrite(space + 1, 1, digits, stdout);
        else
            json_print(space + 1, (size_t)(stop - space - 1));
        at = stop + 1;
    }
    puts("}");
    return EXIT_DONE;
}

int inspect_main(struct tool *tool) {
    return one_value(tool, rcache_op_inspect, print_entry);
}

static char *read_input(size_t *size) {
    char *bytes = NULL;
    size_t capacity = 0;
    *size = 0;
    do {
        capacity = capacity > 0 ? capacity * 2 : 65536;
        char *grown = realloc(bytes, capacity);
        if (grown == NULL) {
            free(bytes);
            return NULL;
        }
        bytes = grown;
        *size += fread(bytes + *size, 1, capacity - *size, stdin);
    } while (*size == capacity);
    return bytes;
}

int set_main(struct tool *tool) {
    int64_t ttl_ms = tool_ttl_ms(tool);
    if (tool->arg_count != 2 || ttl_ms == 0)
        return EXIT_USAGE;
    bool from_input = strcmp(tool->args[1], "-") == 0;
    size_t size = strlen(tool->args[1]);
    char *input = from_input ? read_input(&size) : NULL;
    if ((from_input && input == NULL) || size > UINT32_MAX)
        return tool_complain(EXIT_FAILED, "no memory for the value");
    uint32_t key_size = (uint32_t)strlen(tool->args[0]), value_size = (uint32_t)size;
    rcache_result *result;
    int exit_code = tool_run(rcache_op_set(tool->cache, tool->args[0], &key_size, from_input ? input : tool->args[1],
                                           &value_size, 1, ttl_ms, NULL), tool, &result);
    rcache_result_free(result);
    free(input);
    return exit_code;
}

static int many_keys(struct tool *tool, begin_function *begin, const char *verb) {
    struct batch batch;
    if (tool->arg_count < 1)
        return EXIT_USAGE;
    if (!batch_of_args(tool, &batch))
        return tool_complain(EXIT_FAILED, "no memory for the keys");
    rcache_result *result;
    int exit_code = tool_run(begin(tool->cache, batch.bytes, batch.sizes, batch.count, NULL), tool, &result);
    size_t there = 0;
    rcache_value *values = calloc(batch.count, sizeof *values);
    if (values != NULL)
        rcache_result_values(result, values, batch.count);
    for (size_t i = 0; values != NULL && i < batch.count; i++)
        there += values[i].outcome == RCACHE_DONE;
    if (exit_code == EXIT_DONE && tool->json)
        printf("{\"%s\": %zu}\n", verb, there);
    else if (exit_code == EXIT_DONE)
        printf("%s %zu\n", verb, there);
    free(values);
    rcache_result_free(result);
    batch_clear(&batch);
    return exit_code;
}

int invalidate_main(struct tool *tool) {
    return many_keys(tool, rcache_op_invalidate, "invalidated");
}

int delete_main(struct tool *tool) {
    return many_keys(tool, rcache_op_delete, "deleted");
}
