#define _POSIX_C_SOURCE 200809L
#include "relay/input.h"

#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 65536, LINE_MAX_MB = 256 };

static int told[2] = { -1, -1 }; /* a pipe: a signal may come between looking and waiting */

static void tell(int number) {
    (void)number;
    int kept = errno;
    ssize_t written = write(told[1], "", 1);
    (void)written; /* full: it was told before */
    errno = kept;
}

bool input_catch_signals(void) {
    struct sigaction action = { .sa_handler = tell, .sa_flags = SA_RESTART };
    sigemptyset(&action.sa_mask);
    if (pipe(told) < 0 || fcntl(told[1], F_SETFL, O_NONBLOCK) < 0)
        return false;
    for (size_t i = 0; i < 2; i++)
        if (fcntl(told[i], F_SETFD, FD_CLOEXEC) < 0)
            return false;
    signal(SIGPIPE, SIG_IGN);
    return sigaction(SIGTERM, &action, NULL) == 0 && sigaction(SIGINT, &action, NULL) == 0;
}

bool input_was_told_to_end(void) {
    struct pollfd waiting = { .fd = told[0], .events = POLLIN };
    return poll(&waiting, 1, 0) > 0;
}

static int limited(int64_t wait_ms) {
    return wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

void input_pause(int64_t wait_ms) {
    struct pollfd waiting = { .fd = told[0], .events = POLLIN };
    poll(&waiting, 1, limited(wait_ms));
}

bool input_line(struct input *input, char **line, size_t *size) {
    char *begin = input->bytes + input->begin;
    char *stop = input->searched < input->end
                   ? memchr(input->bytes + input->searched, '\n', input->end - input->searched) : NULL;
    input->searched = input->end;
    if (stop == NULL && !(input->over && input->begin < input->end))
        return false;
    *size = stop != NULL ? (size_t)(stop - begin) : input->end - input->begin;
    *line = begin;
    begin[*size] = '\0';
    input->begin = stop != NULL ? input->begin + *size + 1 : input->end;
    input->searched = input->begin;
    input->lines++;
    return true;
}

/* Room for a read, and for a NUL behind it. */
static bool make_room(struct input *input) {
    if (input->begin > 0) {
        memmove(input->bytes, input->bytes + input->begin, input->end - input->begin);
        input->searched -= input->begin;
        input->end -= input->begin;
        input->begin = 0;
    }
    if (input->capacity - input->end > READ_SIZE)
        return true;
    size_t capacity = input->capacity > 0 ? input->capacity * 2 : 4 * READ_SIZE;
    if (capacity > (size_t)LINE_MAX_MB << 20) {
        tool_complain(0, "line %llu is longer than %d MB", (unsigned long long)input->lines + 1, LINE_MAX_MB / 2);
        return false;
    }
    char *grown = realloc(input->bytes, capacity);
    if (grown == NULL) {
        tool_complain(0, "no memory for line %llu", (unsigned long long)input->lines + 1);
        return false;
    }
    input->bytes = grown;
    input->capacity = capacity;
    return true;
}

enum input_got input_read(struct input *input, int64_t wait_ms) {
    struct pollfd waiting[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = told[0], .events = POLLIN } };
    if (poll(waiting, 2, wait_ms < 0 ? -1 : limited(wait_ms)) <= 0 || waiting[0].revents == 0)
        return INPUT_NOTHING;
    if (!make_room(input))
        return INPUT_FAILED;
    ssize_t got = read(STDIN_FILENO, input->bytes + input->end, READ_SIZE);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return INPUT_NOTHING;
    if (got < 0) {
        tool_complain(0, "cannot read the input: %s", strerror(errno));
        return INPUT_FAILED;
    }
    input->over = got == 0;
    input->end += (size_t)got;
    return INPUT_MORE;
}
