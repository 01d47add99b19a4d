/* notice: a descriptor that is readable from the first post on until it is cleared.  One that was not opened takes
 * posts, and has nobody to tell. */
#ifndef RESILICACHE_RUNTIME_NOTICE_H
#define RESILICACHE_RUNTIME_NOTICE_H

#include <stdbool.h>

struct notice {
    int read_fd; /* -1: closed */
    int write_fd;
    _Atomic bool posted;
};

#define NOTICE_INIT { -1, -1, false }

bool notice_open(struct notice *notice); /* false: no descriptors left */
void notice_close(struct notice *notice);
/* Threads: any.  Posts before a clear are one. */
void notice_post(struct notice *notice);
void notice_clear(struct notice *notice);

#endif
