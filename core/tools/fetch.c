/* fetch: the loader is a command; what it prints is the value. */
#define _GNU_SOURCE
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_CODE_ABSENT = 100 };

extern char **environ;

struct output {
    char *bytes;
    size_t size;
};

/* Reads to the end; false for want of memory. */
static bool read_all(int fd, struct output *output) {
    size_t capacity = 0;
    for (;;) {
        if (output->size == capacity) {
            capacity = capacity > 0 ? capacity * 2 : 65536;
            char *grown = realloc(output->bytes, capacity);
            if (grown == NULL)
                return false;
            output->bytes = grown;
        }
        ssize_t got = read(fd, output->bytes + output->size, capacity - output->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        output->size += (size_t)got;
    }
}

/* The command's exit code, or -1 with errno: it could not be run. */
static int run_command(char **command, struct output *output) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    pid_t child;
    int failure = posix_spawnp(&child, command[0], &actions, NULL, command, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    bool complete = failure == 0 && read_all(ends[0], output);
    close(ends[0]);
    if (failure != 0) {
        errno = failure;
        return -1;
    }
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return !complete ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void load_by_command(rcache_load *load, void *arg) {
    char **command = arg;
    struct output output = { NULL, 0 };
    char message[200];
    int exit_code = run_command(command, &output);
    if (exit_code == 0)
        rcache_load_value(load, 0, output.bytes, output.size, 0);
    else if (exit_code == EXIT_CODE_ABSENT)
        rcache_load_absent(load, 0);
    else {
        if (exit_code < 0)
            snprintf(message, sizeof message, "cannot run '%.100s': %s", command[0], strerror(errno));
        else
            snprintf(message, sizeof message, "'%.100s' ended with exit code %d", command[0], exit_code);
        rcache_load_fail(load, 0, message);
    }
    free(output.bytes);
    rcache_load_finish(load);
}

int fetch_main(struct tool *tool) {
    int64_t ttl_ms = tool_ttl_ms(tool);
    if (tool->arg_count != 1 || ttl_ms == 0 || tool->command == NULL || tool->command[0] == NULL)
        return EXIT_USAGE;
    rcache_call call = { .struct_size = sizeof call, .flags = tool->flags };
    rcache_result *result;
    int32_t status = rcache_fetch(tool->cache, tool->args[0], strlen(tool->args[0]), ttl_ms, load_by_command,
                                  tool->command, &call, &result);
    rcache_value value;
    rcache_result_values(result, &value, 1);
    int exit_code = status == RCACHE_OK ? tool_print_value(tool, tool->args[0], &value)
                                        : tool_complain(EXIT_FAILED, "%s", rcache_result_message(result, 0));
    rcache_result_free(result);
    return exit_code;
}
