/* input: lines of standard input, and waiting for them, for a time, or for SIGTERM and SIGINT, whichever is first. */
#ifndef RESILICACHE_TOOLS_RELAY_INPUT_H
#define RESILICACHE_TOOLS_RELAY_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
    char *bytes;
    size_t begin, end, capacity; /* what is there and not taken yet */
    size_t searched;             /* up to here it has no line end */
    uint64_t lines;              /* taken */
    bool over;
};

/* The next whole line, without its end but with a NUL there; false: more has to be read first.  Once it is over, the
 * rest is a line, too. */
bool input_line(struct input *input, char **line, size_t *size);

enum input_got { INPUT_MORE, INPUT_NOTHING, INPUT_FAILED };

/* Waits at most so long (-1: endlessly) and reads once; INPUT_FAILED after a complaint. */
enum input_got input_read(struct input *input, int64_t wait_ms);

/* From here on both signals end waits and nothing else; false with errno. */
bool input_catch_signals(void);
bool input_was_told_to_end(void);
/* Waits so long, or until it was told to end. */
void input_pause(int64_t wait_ms);

#endif
