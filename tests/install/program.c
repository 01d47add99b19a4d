/* program: a user's first, built against an installed library: stores a value in memory and reads it back. */
#include <resilicache.h>

#include <stdio.h>
#include <string.h>

static int show(rcache_op *op) {
    rcache_result *result;
    rcache_value value;
    int32_t status = rcache_op_run(op, NULL, NULL, &result);
    if (status == RCACHE_OK && rcache_result_values(result, &value, 1) == 1 && value.size > 0)
        printf("%.*s\n", (int)value.size, (const char *)value.data);
    rcache_result_free(result);
    return status == RCACHE_OK ? 0 : 1;
}

int main(void) {
    static const char key[] = "greeting", text[] = "hello";
    uint32_t key_size = (uint32_t)strlen(key), text_size = (uint32_t)strlen(text);
    rcache *cache;
    rcache_error err;
    if (rcache_open("memory://", NULL, &cache, &err) != RCACHE_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    int failed = show(rcache_op_set(cache, key, &key_size, text, &text_size, 1, 60000, NULL));
    failed |= show(rcache_op_get(cache, key, &key_size, 1, NULL));
    rcache_close(cache);
    return failed;
}
