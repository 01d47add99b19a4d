#include "model/target.h"

struct slice target_key(void) {
    return slice_of_text("model");
}

int8_t target_value(struct slice text) {
    return text.size == 1 ? (int8_t)(text.data[0] - '0') : NO_VALUE;
}

int8_t target_token(struct slice text) {
    if (text.size == 0)
        return NO_OWNER;
    if (slice_equal(text, slice_of_text("A")))
        return TOKEN_A;
    if (slice_equal(text, slice_of_text("B")))
        return TOKEN_B;
    return slice_equal(text, slice_of_text("A-2")) ? TOKEN_A2 : TOKEN_STRANGE;
}
