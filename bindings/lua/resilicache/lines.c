/* lines: "name value" texts, as tables. */
#include "binding.h"

#include <stdlib.h>
#include <string.h>

/* Short enough to fit, too. */
static bool is_integer(const char *text, size_t size) {
    size_t sign = size > 0 && text[0] == '-';
    if (size == sign || size > 18)
        return false;
    for (size_t i = sign; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return true;
}

static void push_field(lua_State *L, const char *name, size_t name_size, const char *value, size_t size) {
    lua_pushlstring(L, name, name_size);
    lua_pushlstring(L, value, size);
    bool is_owner = name_size == 5 && memcmp(name, "owner", 5) == 0;
    if (!is_owner && is_integer(value, size)) {
        long long number = strtoll(lua_tostring(L, -1), NULL, 10);
        lua_pop(L, 1);
        lua_pushinteger(L, (lua_Integer)number);
    }
    lua_rawset(L, -3);
}

void lines_push(lua_State *L, const char *text, size_t size) {
    lua_newtable(L);
    const char *end = text + size;
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        line_end = line_end != NULL ? line_end : end;
        const char *space = memchr(text, ' ', (size_t)(line_end - text));
        if (space != NULL)
            push_field(L, text, (size_t)(space - text), space + 1, (size_t)(line_end - space - 1));
        text = line_end < end ? line_end + 1 : end;
    }
}
