#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "differential/asking.h"
#include "resilicache.h"
#include "support/stores.h"

struct wire asking_wire;

const char *asking_answer(struct request request) {
    static const char *const verdicts[] = { "NONE", "FRESH",  "UNFRESH", "MISS", "OWNED",
                                            "BUSY", "STORED", "LOST",    "OUTDATED", "DONE" };
    static char text[512];
    assert_true(wire_execute(&asking_wire, &request));
    const struct reply *reply = &request.reply;
    if (reply->status != RCACHE_OK)
        snprintf(text, sizeof text, "%s", rcache_status_name(reply->status));
    else if (reply->value != NULL)
        snprintf(text, sizeof text, "%s '%.100s'", verdicts[reply->verdict], reply->value->data);
    else
        snprintf(text, sizeof text, "%s%s", verdicts[reply->verdict], reply->absent ? " absent" : "");
    request_clear(&request);
    return text;
}

int asking_on_each_server(int (*run_all)(const char *name)) {
    struct store stores[STORES_MAX];
    size_t count = stores_start(stores);
    int failed = 0;
    for (size_t i = 1; i < count; i++) { /* the first is memory */
        store_now = &stores[i];
        if (!wire_open(&asking_wire, stores[i].port, i % 2 != 0)) {
            failed++;
            continue;
        }
        failed += run_all(stores[i].name);
        wire_close(&asking_wire);
    }
    stores_stop(stores, count);
    return failed;
}
