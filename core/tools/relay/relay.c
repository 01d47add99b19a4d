/* relay: reads change events of a database, one a line, and invalidates the keys of the rows that they tell of.
 *
 * At least once: a position is a checkpoint only after every key up to it was invalidated, so that whatever ends the
 * relay, events behind its checkpoint come again.  It waits for a server that is away, and reads on after that. */
#define _POSIX_C_SOURCE 200809L
#include "base/clock.h"
#include "relay/checkpoint.h"
#include "relay/event.h"
#include "relay/input.h"
#include "relay/keys.h"
#include "relay/mapping.h"
#include "relay/progress.h"
#include "relay/sender.h"
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_KEYS = 1000, BATCH_KEYS_MAX = 100000, BATCH_MS = 5, CHECKPOINT_MS = 200 };
enum { PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 5000 };

struct relay {
    struct tool *tool;
    const char *checkpoint; /* path; NULL: none */
    bool by_line, skip_malformed, skip_truncate, dry_run;
    size_t batch;
    int64_t give_up_ms; /* 0: never */
    struct mapping mapping;
    struct keys keys;
    struct input input;
    struct progress progress;
    struct position applied, told; /* every key up to here is invalidated; what was last written and printed */
    int64_t keys_since_ms, told_ms;
    uint64_t warnings; /* lines that were told of, and skipped */
    struct sender sender;
};

/* ---- what it is told */

static bool take_maps(struct relay *relay) {
    struct why why;
    for (int i = 0; i < relay->tool->given_count; i++) {
        const struct given *given = &relay->tool->given[i];
        bool is_file = strcmp(given->name, "--map-file") == 0;
        if ((is_file && !mapping_add_file(&relay->mapping, given->value, &why))
            || (strcmp(given->name, "--map") == 0 && !mapping_add(&relay->mapping, given->value, &why))) {
            tool_complain(0, "%s", why.text);
            return false;
        }
    }
    if (relay->mapping.count == 0)
        tool_complain(0, "no table has keys: write --map public.users=user:{id}");
    return relay->mapping.count > 0;
}

static bool take_flags(struct relay *relay) {
    const struct tool *tool = relay->tool;
    const char *batch = tool_given(tool, "--batch"), *give_up = tool_given(tool, "--give-up");
    relay->checkpoint = tool_given(tool, "--checkpoint");
    relay->mapping.version = tool_given(tool, "--version");
    relay->by_line = tool_given(tool, "--by-line") != NULL;
    relay->skip_malformed = tool_given(tool, "--skip-malformed") != NULL;
    relay->skip_truncate = tool_given(tool, "--skip-truncate") != NULL;
    relay->dry_run = tool_given(tool, "--dry-run") != NULL;
    char *end;
    unsigned long keys = batch != NULL ? strtoul(batch, &end, 10) : BATCH_KEYS;
    if (batch != NULL && (batch[0] < '0' || batch[0] > '9' || *end != '\0' || keys < 1 || keys > BATCH_KEYS_MAX)) {
        tool_complain(0, "--batch '%s' is no number of keys: write 1 to %d", batch, BATCH_KEYS_MAX);
        return false;
    }
    relay->batch = keys;
    relay->give_up_ms = give_up != NULL ? tool_duration_ms(give_up) : 0;
    if (give_up != NULL && relay->give_up_ms == 0)
        tool_complain(0, "--give-up '%s' is no time: write 500ms, 10s, 5m or 1h", give_up);
    if ((give_up != NULL && relay->give_up_ms == 0) || !take_maps(relay))
        return false;
    if (relay->by_line && relay->mapping.version != NULL && strcmp(relay->mapping.version, "lsn") == 0) {
        tool_complain(0, "--by-line knows no LSNs: name a column by --version");
        return false;
    }
    bool is_own = strncmp(tool->url, "memory:", 7) == 0;
    if (is_own && !relay->dry_run)
        tool_complain(0, "memory:// is this process's own: name the server where the cache is, or give --dry-run");
    return !is_own || relay->dry_run;
}

/* ---- where it is */

static bool save_position(struct relay *relay) {
    struct why why;
    if (relay->checkpoint != NULL && !checkpoint_save(relay->checkpoint, &relay->applied, &why)) {
        tool_complain(0, "%s", why.text);
        return false;
    }
    return true;
}

static bool print_position(struct relay *relay) {
    char text[POSITION_TEXT_SIZE];
    position_write(&relay->applied, text);
    if (relay->tool->json) {
        fputs("{\"position\": ", stdout);
        json_print(text, strlen(text));
        printf(", \"lines\": %llu, \"invalidated\": %llu", (unsigned long long)relay->input.lines,
               (unsigned long long)relay->sender.invalidated);
        int64_t lag_ms = clock_day_us() / 1000 - relay->applied.committed_ms;
        if (relay->applied.committed_ms > 0)
            printf(", \"lag_ms\": %lld", lag_ms > 0 ? (long long)lag_ms : 0); /* the database's clock may be ahead */
        puts("}");
    } else
        puts(text);
    if (fflush(stdout) == 0)
        return true;
    tool_complain(0, "cannot print the position: %s", strerror(errno));
    return false;
}

/* Tells of a new position: at once, or if it is time to. */
static bool tell_position(struct relay *relay, bool at_once) {
    int64_t now_ms = clock_now_ms();
    bool is_new = relay->applied.kind != POSITION_NONE && !position_same(&relay->applied, &relay->told);
    if (relay->dry_run || !is_new || (!at_once && now_ms - relay->told_ms < CHECKPOINT_MS))
        return true;
    if (!save_position(relay) || !print_position(relay))
        return false;
    relay->told = relay->applied;
    relay->told_ms = now_ms;
    return true;
}

/* How long until a position is to be told; -1: there is none. */
static int64_t wait_ms(const struct relay *relay) {
    if (relay->dry_run || relay->applied.kind == POSITION_NONE || position_same(&relay->applied, &relay->told))
        return -1;
    int64_t left_ms = relay->told_ms + CHECKPOINT_MS - clock_now_ms();
    return left_ms > 0 ? left_ms : 0;
}

static bool begin(struct relay *relay) {
    struct why why;
    struct position from = { .kind = POSITION_NONE };
    if (relay->checkpoint != NULL && !checkpoint_load(relay->checkpoint, &from, &why)) {
        tool_complain(0, "%s", why.text);
        return false;
    }
    if (from.kind != POSITION_NONE && (from.kind == POSITION_LINE) != relay->by_line) {
        tool_complain(0, "the checkpoint %s was written %s --by-line: go on in the same way, or remove it",
                      relay->checkpoint, relay->by_line ? "without" : "with");
        return false;
    }
    progress_begin(&relay->progress, &from);
    relay->applied = from; /* printed again: the feeder may not have heard */
    return tell_position(relay, true);
}

/* ---- invalidating */

static bool is_hopeless(int32_t status) {
    return status == RCACHE_E_INVALID || status == RCACHE_E_UNSUPPORTED || status == RCACHE_E_MISUSE
        || status == RCACHE_E_LIMIT || status == RCACHE_E_CLOSED || status == RCACHE_E_FORKED;
}

/* A key with a value of another kind has nothing to invalidate: it is told of, and done. */
static int32_t try_once(struct relay *relay, struct why *why) {
    int32_t status = sender_try(&relay->sender, &relay->keys, why);
    if (relay->sender.passed_over > 0)
        tool_complain(0, "%zu keys up to line %llu are passed over: %s", relay->sender.passed_over,
                      (unsigned long long)relay->input.lines, relay->sender.why_passed_over.text);
    return status;
}

/* Tries until each key is invalidated; false after a complaint: it gave up, or was told to end. */
static bool invalidate(struct relay *relay) {
    struct why why;
    int64_t since_ms = clock_now_ms(), pause_ms = PAUSE_FIRST_MS, told_ms = 0;
    int32_t status;
    while (relay->keys.count > 0 && (status = try_once(relay, &why)) != RCACHE_OK) {
        int64_t now_ms = clock_now_ms();
        bool gives_up = is_hopeless(status) || (relay->give_up_ms > 0 && now_ms - since_ms >= relay->give_up_ms);
        bool ends = gives_up || input_was_told_to_end();
        if (told_ms == 0 || now_ms - told_ms >= 10 * PAUSE_MAX_MS || ends) {
            tool_complain(0, "%zu keys up to line %llu %s: %s", relay->keys.count,
                          (unsigned long long)relay->input.lines, ends ? "are not invalidated" : "wait", why.text);
            told_ms = now_ms;
        }
        if (ends)
            return false;
        input_pause(pause_ms);
        pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
    }
    if (told_ms != 0)
        tool_complain(0, "it goes on, after %lld ms", (long long)(clock_now_ms() - since_ms));
    return true;
}

static void print_keys(const struct relay *relay) {
    for (size_t i = 0; i < relay->keys.count; i++) {
        struct slice key = relay->keys.all[i]->node.key;
        if (relay->tool->json)
            json_print(key.data, key.size);
        else
            fwrite(key.data, 1, key.size, stdout);
        putchar('\n');
    }
    fflush(stdout);
}

/* Everything that was read is invalidated; then it is a position. */
static bool flush(struct relay *relay) {
    if (relay->dry_run)
        print_keys(relay);
    else if (!invalidate(relay))
        return false;
    keys_empty(&relay->keys);
    if (relay->progress.complete.kind != POSITION_NONE)
        relay->applied = relay->progress.complete;
    return tell_position(relay, false);
}

/* ---- reading */

/* The line's position is where it is, whatever its event says. */
static void place_by_line(const struct relay *relay, struct event *event) {
    event->position = (struct position){ .kind = POSITION_LINE, .minor = relay->input.lines,
                                         .committed_ms = event->position.committed_ms };
    event->complete = true;
    event->inside = event->unplaced = false;
}

static bool has_place(const struct relay *relay, const struct event *event) {
    const struct progress *progress = &relay->progress;
    if (event->inside)
        return progress->last_skipped || progress->pending.kind != POSITION_NONE;
    return event->unplaced || event->position.kind != POSITION_NONE;
}

/* Its rows are cached for as long as they live: told each time, so that somebody flushes. */
static bool skips(struct relay *relay, const struct change *change) {
    if (!change->emptied || !relay->skip_truncate)
        return false;
    if (!mapping_has(&relay->mapping, change->table))
        return true;
    tool_complain(0, "line %llu: %s was emptied as a whole: its keys stay cached for their time to live, unless you "
                     "flush the cache", (unsigned long long)relay->input.lines, change->table);
    relay->warnings++;
    return true;
}

/* Also those that come after one that can't be told. */
static bool take_changes(struct relay *relay, const struct event *event, struct why *why) {
    bool all = true;
    for (size_t i = 0; i < event->change_count; i++) {
        struct change change;
        bool good = event_change(event, i, &change, why);
        if (good && skips(relay, &change))
            continue;
        const struct position *place = event->inside ? &relay->progress.pending : &event->position;
        change.commit_lsn = place->kind == POSITION_LSN ? place->major : 0;
        all = good && mapping_apply(&relay->mapping, &change, &relay->keys, why) && all;
    }
    return all;
}

enum taken { TAKEN, MALFORMED, UNPLACED };

static enum taken take_event(struct relay *relay, const char *line, size_t size, struct why *why) {
    struct event event;
    bool good = event_read(line, size, &event, why), is_placed = good || relay->by_line;
    if (relay->by_line)
        place_by_line(relay, &event);
    if (is_placed && relay->checkpoint != NULL && !has_place(relay, &event)) {
        why_set(why, "the event has no position for the checkpoint: %s", event_place_remedy(&event));
        event_clear(&event);
        return UNPLACED;
    }
    if (is_placed && progress_wants(&relay->progress, &event) && good)
        good = take_changes(relay, &event, why);
    if (is_placed && (good || relay->skip_malformed))
        progress_take(&relay->progress, &event);
    event_clear(&event);
    return good ? TAKEN : MALFORMED;
}

/* False after a complaint. */
static bool take_line(struct relay *relay, const char *line, size_t size) {
    struct why why;
    bool was_empty = relay->keys.count == 0;
    if (line[strspn(line, " \t\r")] == '\0')
        return true;
    enum taken taken = take_event(relay, line, size, &why);
    bool skipped = taken == MALFORMED && relay->skip_malformed;
    if (taken != TAKEN)
        tool_complain(0, "line %llu%s: %s", (unsigned long long)relay->input.lines, skipped ? ", skipped" : "",
                      why.text);
    relay->warnings += taken == MALFORMED;
    if (was_empty)
        relay->keys_since_ms = clock_now_ms();
    return taken == TAKEN || skipped;
}

static bool is_due(const struct relay *relay) {
    return relay->keys.count >= relay->batch
        || (relay->keys.count > 0 && clock_now_ms() - relay->keys_since_ms >= BATCH_MS);
}

/* Until the input ends, it is told to end, or something fails; false: that. */
static bool run(struct relay *relay) {
    char *line;
    size_t size;
    for (;;) {
        bool good = true;
        while (good && relay->keys.count < relay->batch && input_line(&relay->input, &line, &size))
            good = take_line(relay, line, size);
        enum input_got got = INPUT_NOTHING;
        if (good && !is_due(relay) && !relay->input.over && !input_was_told_to_end())
            got = input_read(&relay->input, 0);
        if (got == INPUT_MORE)
            continue;
        if (!flush(relay))
            return false;
        if (!good || got == INPUT_FAILED)
            return false;
        if (input_was_told_to_end() || (relay->input.over && relay->input.begin == relay->input.end))
            return true;
        if (relay->input.searched < relay->input.end || relay->input.over)
            continue; /* there are lines left */
        if (input_read(&relay->input, wait_ms(relay)) == INPUT_FAILED || !tell_position(relay, false))
            return false;
    }
}

int relay_main(struct tool *tool) {
    struct relay relay = { .tool = tool, .sender = { .cache = tool->cache } };
    int exit_code = EXIT_USAGE;
    if (tool->arg_count > 0)
        tool_complain(0, "relay takes no '%s'", tool->args[0]);
    else if (take_flags(&relay)) {
        bool good = input_catch_signals() && begin(&relay) && run(&relay);
        good = tell_position(&relay, true) && good;
        exit_code = !good ? EXIT_FAILED : relay.warnings > 0 ? EXIT_WARNED : EXIT_DONE;
    }
    sender_free(&relay.sender);
    mapping_free(&relay.mapping);
    keys_free(&relay.keys);
    free(relay.input.bytes);
    return exit_code;
}
