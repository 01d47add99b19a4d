/* options: the table of options, for people or for machines. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

int options_main(struct tool *tool) {
    rcache_option_info info = { .struct_size = sizeof info };
    for (size_t i = 0; rcache_options_describe(i, &info) == RCACHE_OK; i++) {
        if (!tool->json) {
            printf("%-26s %-8s %-14s %s\n", info.name, info.fallback, info.range, info.help);
            continue;
        }
        const char *const fields[][2] = { { "name", info.name }, { "type", info.type }, { "default", info.fallback },
                                          { "range", info.range }, { "help", info.help } };
        for (size_t j = 0; j < sizeof fields / sizeof fields[0]; j++) {
            printf("%s\"%s\": ", j == 0 ? i == 0 ? "[{" : ",\n {" : ", ", fields[j][0]);
            json_print(fields[j][1], strlen(fields[j][1]));
        }
        putchar('}');
    }
    if (tool->json)
        puts("]");
    return EXIT_DONE;
}
