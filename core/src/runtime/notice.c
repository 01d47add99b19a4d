#define _GNU_SOURCE
#include "runtime/notice.h"

#include <fcntl.h>
#include <unistd.h>

bool notice_open(struct notice *notice) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return false;
    notice->read_fd = ends[0];
    notice->write_fd = ends[1];
    notice->posted = false;
    return true;
}

void notice_close(struct notice *notice) {
    if (notice->read_fd < 0)
        return;
    close(notice->read_fd);
    close(notice->write_fd);
    notice->read_fd = notice->write_fd = -1;
}

void notice_post(struct notice *notice) {
    if (notice->posted || notice->read_fd < 0)
        return;
    notice->posted = true;
    long written = write(notice->write_fd, "", 1);
    (void)written; /* a full pipe is readable as well */
}

void notice_clear(struct notice *notice) {
    char bytes[64];
    while (notice->read_fd >= 0 && read(notice->read_fd, bytes, sizeof bytes) == (long)sizeof bytes)
        continue;
    notice->posted = false;
}
