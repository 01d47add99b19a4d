/* resilicache: the command line tool. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    int (*run)(struct tool *tool);
    bool takes_url;
    const char *usage;
    const char *help;
};

static int version_main(struct tool *tool) {
    char text[32];
    uint32_t version = rcache_version();
    snprintf(text, sizeof text, "%u.%u.%u", version / 1000000, version / 1000 % 1000, version % 1000);
    if (tool->json)
        printf("{\"version\": \"%s\"}\n", text);
    else
        printf("resilicache %s\n", text);
    return EXIT_DONE;
}

static const struct command COMMANDS[] = {
    { "demo", demo_main, true, "demo [URL]", "show what it does, in a minute" },
    { "get", get_main, true, "get URL KEY", "the stored value, whatever its state" },
    { "set", set_main, true, "set URL KEY VALUE [--ttl 60s]", "store a value (VALUE '-': standard input)" },
    { "fetch", fetch_main, true, "fetch URL KEY [--ttl 60s] [--strong] -- COMMAND [ARG ...]",
      "the cached value, or what COMMAND prints (its exit code 100: there is none)" },
    { "invalidate", invalidate_main, true, "invalidate URL KEY ...", "tag as deleted: readers get a new value" },
    { "delete", delete_main, true, "delete URL KEY ...", "remove at once" },
    { "inspect", inspect_main, true, "inspect URL KEY", "state, lease, time to live and owner of an entry" },
    { "doctor", doctor_main, true, "doctor URL", "what the server is and can do, and what that means for a cache" },
    { "bench", bench_main, true, "bench URL [CALLERS ...]",
      "hits a second, and how long each takes, by 1, 16 and 64 callers or as told" },
    { "conform", conform_main, true, "conform URL [CASES ...]",
      "play the conformance cases there, or those in files; exit code 1 if one fails" },
    { "relay", relay_main, true, "relay URL --map TABLE=KEY [FLAGS]",
      "invalidate what the change events on standard input tell: Debezium, Maxwell, wal2json" },
    { "options", options_main, false, "options", "every option: name, default, range, meaning" },
    { "version", version_main, false, "version", "which one this is; --version alone tells it, too" },
};

enum { COMMAND_COUNT = sizeof COMMANDS / sizeof COMMANDS[0] };

/* Flags of one command, which finds them by tool_given. */
struct flag {
    const char *name;
    const char *value; /* what it is called; NULL: the flag alone */
    int (*of)(struct tool *tool);
    const char *help;
};

static const struct flag FLAGS[] = {
    { "--map", "TABLE=KEY", relay_main, "public.users=user:{id}; again for more keys and tables" },
    { "--map-file", "FILE", relay_main, "such maps, one a line" },
    { "--version", "COLUMN", relay_main, "tells a row's version; 'lsn': the place of its commit in the log does" },
    { "--checkpoint", "FILE", relay_main, "how far it has come, and where it goes on" },
    { "--by-line", NULL, relay_main, "positions are numbers of lines: the input is a file, always from its start" },
    { "--batch", "KEYS", relay_main, "at most so many at once, 1000 unless told" },
    { "--give-up", "10m", relay_main, "end after so long without a server that takes them; without it, never" },
    { "--skip-malformed", NULL, relay_main, "tell of lines that make no sense, and go on" },
    { "--skip-truncate", NULL, relay_main, "tell of tables that were emptied, whose keys stay cached, and go on" },
    { "--dry-run", NULL, relay_main, "print the keys, and do nothing" },
};

enum { FLAG_COUNT = sizeof FLAGS / sizeof FLAGS[0] };

static const struct flag *flag_named(const char *name) {
    for (size_t i = 0; i < FLAG_COUNT; i++)
        if (strcmp(FLAGS[i].name, name) == 0)
            return &FLAGS[i];
    return NULL;
}

static void print_flags(FILE *out, const struct command *command) {
    for (size_t i = 0; i < FLAG_COUNT; i++)
        if (FLAGS[i].of == command->run) {
            int size = fprintf(out, "    %s%s%s", FLAGS[i].name, FLAGS[i].value != NULL ? " " : "",
                               FLAGS[i].value != NULL ? FLAGS[i].value : "");
            fprintf(out, "%*s%s\n", size < 30 ? 30 - size : 1, "", FLAGS[i].help);
        }
}

static int print_help(FILE *out, int exit_code) {
    fprintf(out, "resilicache %d.%d.%d: a cache that keeps its promises\n\n", RCACHE_VERSION_MAJOR,
            RCACHE_VERSION_MINOR, RCACHE_VERSION_PATCH);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  resilicache %-58s %s\n", COMMANDS[i].usage, COMMANDS[i].help);
        print_flags(out, &COMMANDS[i]);
    }
    fprintf(out,
            "\n  --json                 output for machines\n"
            "  --option NAME=VALUE    any option of `resilicache options`; also in the URL: redis://host?NAME=VALUE\n"
            "  URL                    memory://  redis://[user:password@]host[:port][/db]  valkey://...  unix:///path\n"
            "                         redis+cluster://host:port,host:port  redis+sentinel://host:port,host:port/name\n"
            "                         by TLS: rediss://  rediss+cluster://  rediss+sentinel://\n"
            "\nExit codes: 0 done, 1 the key is not there, a case failed, or there are warnings,\n"
            "            2 wrong arguments, 3 it failed.\n");
    return exit_code;
}

static const struct command *command_named(const char *name) {
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(COMMANDS[i].name, name) == 0)
            return &COMMANDS[i];
    return NULL;
}

static bool take_option(struct tool *tool, const char *pair) {
    char name[64];
    const char *equals = strchr(pair, '=');
    size_t size = equals != NULL ? (size_t)(equals - pair) : sizeof name;
    if (size >= sizeof name) {
        tool_complain(0, "--option wants NAME=VALUE, as in --option lock_expire=5s");
        return false;
    }
    memcpy(name, pair, size);
    name[size] = '\0';
    rcache_error err;
    if (tool->setting_count == SETTINGS_MAX)
        snprintf(err.message, sizeof err.message, "more than %d times --option: put them into the URL", SETTINGS_MAX);
    else if (rcache_options_set(tool->options, name, equals + 1, &err) == RCACHE_OK) {
        tool->settings[tool->setting_count++] = pair;
        return true;
    }
    tool_complain(0, "%s", err.message);
    return false;
}

static bool take_flag(struct tool *tool, const char *name, const char *value) {
    if (tool->given_count == GIVEN_MAX) {
        tool_complain(0, "more than %d flags: relay takes maps from a file, too, by --map-file", GIVEN_MAX);
        return false;
    }
    tool->given[tool->given_count++] = (struct given){ name, value };
    return true;
}

/* Flags go to the tool; the rest moves to the front of argv.  The count of the rest, or -1 after a complaint. */
static int take_flags(struct tool *tool, int argc, char **argv) {
    int rest = 0;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--") == 0) {
            tool->command = &argv[i + 1];
            break;
        }
        bool asks_version = strcmp(arg, "--version") == 0 && rest == 0 && i + 1 == argc; /* relay has it as a flag */
        const struct flag *flag = asks_version ? NULL : flag_named(arg);
        bool needs_value = strcmp(arg, "--ttl") == 0 || strcmp(arg, "--option") == 0
                        || (flag != NULL && flag->value != NULL);
        if (needs_value && i + 1 >= argc)
            return tool_complain(-1, "%s wants a value", arg);
        if (strcmp(arg, "--json") == 0)
            tool->json = true;
        else if (strcmp(arg, "--strong") == 0)
            tool->flags |= RCACHE_STRONG;
        else if (strcmp(arg, "--ttl") == 0)
            tool->ttl = argv[++i];
        else if (strcmp(arg, "--option") == 0) {
            if (!take_option(tool, argv[++i]))
                return -1;
        } else if (flag != NULL) {
            if (!take_flag(tool, arg, needs_value ? argv[++i] : ""))
                return -1;
        } else if (strncmp(arg, "--", 2) == 0 && strcmp(arg, "--help") != 0 && !asks_version)
            return tool_complain(-1, "unknown flag %s; `resilicache --help` lists them", arg);
        else
            argv[rest++] = argv[i];
    }
    return rest;
}

static int run(struct tool *tool, int count, char **words) {
    if (count == 0 || strcmp(words[0], "--help") == 0 || strcmp(words[0], "help") == 0)
        return print_help(count == 0 ? stderr : stdout, count == 0 ? EXIT_USAGE : EXIT_DONE);
    if (strcmp(words[0], "--version") == 0)
        return version_main(tool);
    const struct command *command = command_named(words[0]);
    if (command == NULL)
        return tool_complain(EXIT_USAGE, "there is no command '%s'; `resilicache --help` lists them", words[0]);
    for (int i = 0; i < tool->given_count; i++)
        if (flag_named(tool->given[i].name)->of != command->run)
            return tool_complain(EXIT_USAGE, "%s is not for '%s'", tool->given[i].name, command->name);
    if (!command->takes_url)
        return command->run(tool);
    bool demo = command->run == demo_main;
    if (count < 2 && !demo)
        return tool_complain(EXIT_USAGE, "usage: resilicache %s", command->usage);
    tool->url = count < 2 ? "memory://" : words[1];
    tool->args = count < 2 ? words : words + 2;
    tool->arg_count = count < 2 ? 0 : count - 2;
    rcache_error err;
    if (rcache_open(tool->url, tool->options, &tool->cache, &err) != RCACHE_OK)
        return tool_complain(err.status == RCACHE_E_INVALID ? EXIT_USAGE : EXIT_FAILED, "%s", err.message);
    int exit_code = command->run(tool);
    rcache_close(tool->cache);
    if (exit_code == EXIT_USAGE)
        tool_complain(0, "usage: resilicache %s", command->usage);
    return exit_code;
}

int main(int argc, char **argv) {
    struct tool tool = { .options = rcache_options_new() };
    /* The process ends: what it kept for later would be lost. */
    if (tool.options == NULL || rcache_options_set(tool.options, "invalidate_errors", "fail", NULL) != RCACHE_OK)
        return tool_complain(EXIT_FAILED, "no memory");
    int count = take_flags(&tool, argc, argv);
    int exit_code = count < 0 ? EXIT_USAGE : run(&tool, count, argv);
    rcache_options_free(tool.options);
    return exit_code;
}
