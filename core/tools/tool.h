/* tool: what the commands of `resilicache` share: arguments, the cache that the URL names, output for people or --json.
 *
 * Exit codes: 0 done · 1 the key is not there, a case failed, or there are warnings · 2 wrong arguments · 3 it failed,
 * and stderr says why. */
#ifndef RESILICACHE_TOOLS_TOOL_H
#define RESILICACHE_TOOLS_TOOL_H

#include "resilicache.h"

#include <stdbool.h>

enum { EXIT_DONE = 0, EXIT_ABSENT = 1, EXIT_WARNED = 1, EXIT_USAGE = 2, EXIT_FAILED = 3 };

enum { SETTINGS_MAX = 64, GIVEN_MAX = 256 };

struct given {
    const char *name;  /* with its dashes */
    const char *value; /* "" where it takes none */
};

struct tool {
    bool json;
    const char *ttl; /* as typed; NULL: not given */
    uint32_t flags;  /* of rcache_call */
    rcache_options *options;
    const char *settings[SETTINGS_MAX]; /* what is in them, as NAME=VALUE */
    int setting_count;
    struct given given[GIVEN_MAX]; /* flags of the command's own, in their order */
    int given_count;
    rcache *cache;   /* open while a command runs that takes a URL */
    const char *url;
    char **args;     /* what follows the URL, to its end or to "--" */
    int arg_count;
    char **command;  /* what follows "--", NULL-terminated; NULL: none */
};

int get_main(struct tool *tool);
int set_main(struct tool *tool);
int fetch_main(struct tool *tool);
int invalidate_main(struct tool *tool);
int delete_main(struct tool *tool);
int inspect_main(struct tool *tool);
int options_main(struct tool *tool);
int doctor_main(struct tool *tool);
int demo_main(struct tool *tool);
int conform_main(struct tool *tool);
int bench_main(struct tool *tool);
int relay_main(struct tool *tool);

/* One line to stderr. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
int tool_complain(int exit_code, const char *format, ...);

/* The last value of a flag of the command's own; NULL: it was not given. */
const char *tool_given(const struct tool *tool, const char *name);

/* "500ms", "10s", "5m", "1h" in milliseconds; 0: it is no such thing. */
int64_t tool_duration_ms(const char *text);

/* --ttl in milliseconds; 0 after a complaint. */
int64_t tool_ttl_ms(const struct tool *tool);

/* The arguments as a batch of keys; free both. */
struct batch {
    char *bytes;
    uint32_t *sizes;
    size_t count;
};
bool batch_of_args(const struct tool *tool, struct batch *batch);
void batch_clear(struct batch *batch);

/* Runs an op that needs no loader.  Complains about each key that failed; the exit code. */
int tool_run(rcache_op *op, const struct tool *tool, rcache_result **result);
/* The value alone, and a line end on a terminal; with --json an object. */
int tool_print_value(const struct tool *tool, const char *key, const rcache_value *value);
const char *outcome_name(int32_t outcome);

/* A JSON string, or with bytes that are no UTF-8 an object {"base64": ...}. */
void json_print(const void *data, size_t size);

#endif
