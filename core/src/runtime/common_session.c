#include "runtime/common_session.h"

#include "base/alloc.h"

struct common_session *common_session_new(void) {
    struct common_session *common = mem_alloc_zeroed(1, sizeof *common);
    if (common == NULL)
        return NULL;
    common->owners = 1;
    pthread_mutex_init(&common->lock, NULL);
    return common;
}

struct common_session *common_session_hold(struct common_session *common) {
    common->owners++;
    return common;
}

void common_session_drop(struct common_session *common) {
    if (common == NULL || --common->owners > 0)
        return;
    pthread_mutex_destroy(&common->lock);
    mem_free(common);
}
