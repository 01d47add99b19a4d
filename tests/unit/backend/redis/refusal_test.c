/* Errors of servers, as they write them. */
#include "backend/redis/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void who_takes_no_writes_is_told_from_who_errs(void **state) {
    (void)state;
    static const struct {
        const char *error;
        bool refused;
    } known[] = {
        { "OOM command not allowed when used memory > 'maxmemory'. script: e0, on @user_script:1.", true },
        { "ERR Error running script (call to f_0): @user_script:1: -OOM command not allowed", true },
        { "ERR Error running script (call to f_0): Out of memory", true },
        { "MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to persist to disk.", true },
        { "NOREPLICAS Not enough good replicas to write.", true },
        { "ERR IO error: Space limit reached", true },
        { "NOPERM this user", false },
        { "NOSCRIPT No matching script", false },
        { "ERR something else", false },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (refusal_of_writes(slice_of_text(known[i].error)) != known[i].refused)
            fail_msg("'%s' is not taken for what it is", known[i].error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_takes_no_writes_is_told_from_who_errs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
