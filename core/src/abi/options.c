#include "runtime/options.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

rcache_options *rcache_options_new(void) {
    return mem_alloc_zeroed(1, sizeof(rcache_options));
}

void rcache_options_free(rcache_options *options) {
    if (options == NULL)
        return;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        mem_free(options->values[i]);
    mem_free(options);
}

int32_t rcache_options_set(rcache_options *options, const char *name, const char *value, rcache_error *err) {
    if (options == NULL)
        return error_set(err, RCACHE_E_INVALID, "the options are NULL; make some by rcache_options_new");
    size_t index = 0;
    int32_t status = option_find(name, &index, err);
    if (status == RCACHE_OK)
        status = option_check(index, value, err);
    if (status != RCACHE_OK)
        return status;
    size_t size = strlen(value) + 1;
    char *copy = mem_alloc(size);
    if (copy == NULL)
        return error_set(err, RCACHE_E_NOMEM, "no memory for the value of '%s'", name);
    memcpy(copy, value, size);
    mem_free(options->values[index]);
    options->values[index] = copy;
    return RCACHE_OK;
}

/* What the struct had when it was first released. */
#define FIRST_INFO_SIZE (offsetof(rcache_option_info, help) + sizeof(const char *))

int32_t rcache_options_describe(size_t index, rcache_option_info *info) {
    const struct option *option = option_at(index);
    if (option == NULL || info == NULL || info->struct_size < FIRST_INFO_SIZE)
        return RCACHE_E_INVALID;
    size_t size = info->struct_size;
    rcache_option_info known = {
        .struct_size = info->struct_size,
        .name = option->name,
        .type = option_type_name(option->type),
        .fallback = option->fallback,
        .range = option->range,
        .help = option->help,
    };
    /* An older caller has no room for all of it; a newer one finds zeros in what is unknown here. */
    memset(info, 0, size);
    memcpy(info, &known, size < sizeof known ? size : sizeof known);
    return RCACHE_OK;
}
