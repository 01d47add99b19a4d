#include "abi/handle.h"

rcache_result *result_of(rcache_op *op) {
    return (rcache_result *)(void *)op;
}

static bool is_no_memory(const rcache_result *result) {
    return (const void *)result == (const void *)no_memory_op();
}

static rcache_value value_of(const struct slot *slot) {
    return (rcache_value){ slot->value != NULL ? slot->value->data : NULL, slot->value != NULL ? slot->value->size : 0,
                           slot->outcome, slot->status };
}

size_t rcache_result_values(const rcache_result *result, rcache_value *values, size_t capacity) {
    if (result == NULL)
        return 0;
    if (is_no_memory(result)) {
        if (capacity > 0)
            values[0] = (rcache_value){ NULL, 0, RCACHE_FAILED, RCACHE_E_NOMEM };
        return 1;
    }
    const struct op *op = op_of_result(result);
    for (size_t i = 0; i < op->count && i < capacity; i++)
        values[i] = value_of(&op->slots[i]);
    return op->count;
}

uint64_t rcache_result_fence(const rcache_result *result, size_t index) {
    if (result == NULL || is_no_memory(result) || index >= op_of_result(result)->count)
        return 0;
    return (uint64_t)op_of_result(result)->slots[index].fence;
}

const char *rcache_result_message(const rcache_result *result, size_t index) {
    if (result == NULL)
        return "";
    if (is_no_memory(result))
        return "no memory to begin";
    const struct op *op = op_of_result(result);
    if (index >= op->count || op->slots[index].status == RCACHE_OK)
        return "";
    const struct blob *message = op->slots[index].message;
    return message != NULL ? message->data : rcache_status_name(op->slots[index].status);
}

int32_t rcache_result_status(const rcache_result *result, size_t *index) {
    if (index != NULL)
        *index = 0;
    if (result == NULL)
        return RCACHE_E_MISUSE;
    if (is_no_memory(result))
        return RCACHE_E_NOMEM;
    const struct op *op = op_of_result(result);
    for (size_t i = 0; i < op->count; i++) {
        if (op->slots[i].status == RCACHE_OK)
            continue;
        if (index != NULL)
            *index = i;
        return op->slots[i].status;
    }
    return RCACHE_OK;
}

void rcache_result_free(rcache_result *result) {
    if (result != NULL && !is_no_memory(result))
        op_drop((struct op *)(void *)result);
}
