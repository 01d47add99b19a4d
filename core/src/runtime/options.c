#include "runtime/options.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "runtime/quantity.h"

#define FIELD(member) offsetof(struct settings, member)

static const struct option table[] = {
    { "delay", OPTION_DURATION, "10s", "1ms..24h", FIELD(policy.delay_ms),
      "How long an invalidated value may still be served while a newer one is being loaded, in eventual mode" },
    { "settle", OPTION_DURATION, "0", "0..1h", FIELD(policy.settle_ms),
      "How long loads may read old rows after an invalidation; what they bring without a version is kept as long" },
    { "empty_expire", OPTION_DURATION, "60s", "0..8760h", FIELD(policy.empty_expire_ms),
      "How long it is remembered that the database has no such entry; 0: not at all" },
    { "stale_while_revalidate", OPTION_DURATION, "0", "0..8760h", FIELD(policy.stale_while_revalidate_ms),
      "How long a value may be served after its time to live, in eventual mode, while a newer one is being loaded" },
    { "stale_if_error", OPTION_DURATION, "0", "0..8760h", FIELD(policy.stale_if_error_ms),
      "How long a value may be served after its time to live, in eventual mode, where a newer one can't be loaded" },
    { "early", OPTION_NUMBER, "0", "0..0.999", FIELD(policy.early),
      "After which part of its time to live a value is loaded anew by one of its readers, behind its answer; 0: none" },
    { "xfetch_beta", OPTION_NUMBER, "0", "0..100", FIELD(policy.xfetch_beta),
      "How eagerly values are loaded anew before their end, by chance and how long a load takes; 1 is usual, 0: not" },
    { "soft_timeout", OPTION_DURATION, "0", "0..1h", FIELD(policy.soft_timeout_ms),
      "How long to wait for a load before what stale_if_error allows is served; the load goes on. 0: endless" },
    { "hard_timeout", OPTION_DURATION, "0", "0..1h", FIELD(policy.hard_timeout_ms),
      "How long a caller waits for a load before it fails, or is served such a value; the load goes on. 0: endless" },
    { "retry_after", OPTION_DURATION, "0", "0..1h", FIELD(policy.retry_after_ms),
      "How long no eventual fetch loads a key whose load has failed; twice as long after each further failure" },
    { "retry_after_max", OPTION_DURATION, "5m", "0..24h", FIELD(policy.retry_after_max_ms),
      "The longest that retry_after grows to" },
    { "retry_after_shared", OPTION_BOOLEAN, "yes", "", FIELD(policy.retry_after_shared),
      "Whether all processes keep to the pause of retry_after, or only the one whose load failed" },
    { "on_outdated", OPTION_CHOICE, "retry", "retry|give_up", FIELD(policy.on_outdated),
      "Whether a load that brought an older version of the row than is known is done again, at most twice" },
    { "lock_expire", OPTION_DURATION, "3s", "10ms..1h", FIELD(policy.lock_expire_ms),
      "How long a key stays reserved for a loader that died; one that lives is given more time" },
    { "lock_expire_max", OPTION_DURATION, "60s", "10ms..24h", FIELD(policy.lock_expire_max_ms),
      "The longest time that a loader or a lock for update may hold a key" },
    { "lock_sleep", OPTION_DURATION, "100ms", "1ms..10s", FIELD(policy.lock_sleep_ms),
      "The longest pause between two looks at a key that another process is loading" },
    { "deadline", OPTION_DURATION, "10s", "1ms..24h", FIELD(policy.deadline_ms),
      "When a call that has no deadline of its own gives up" },
    { "op_timeout", OPTION_DURATION, "500ms", "1ms..1h", FIELD(op_timeout_ms),
      "How long a command may go unanswered before its connection counts as dead" },
    { "connect_timeout", OPTION_DURATION, "500ms", "1ms..1h", FIELD(connect_timeout_ms),
      "How long it may take to connect and greet a server" },
    { "server_down", OPTION_CHOICE, "eventual", "eventual|load|fail", FIELD(policy.server_down),
      "Which fetches load past the cache while no server answers, or takes writes: eventual ones, all, or none" },
    { "down_loads_max", OPTION_INTEGER, "64", "0..1000000", FIELD(policy.down_loads_max),
      "How many keys at once are loaded past the cache while no server answers, or takes writes; further ones fail" },
    { "breaker_failures", OPTION_INTEGER, "5", "0..1000", FIELD(breaker.failures),
      "After how many requests in a row without an answer a server is left alone for a while; 0: never" },
    { "breaker_rate", OPTION_NUMBER, "0.5", "0.01..1", FIELD(breaker.rate),
      "The same, after which part of at least 20 requests within 10 s" },
    { "breaker_open", OPTION_DURATION, "1s", "1ms..1h", FIELD(breaker.pause_ms),
      "For how long at first, less up to half of it at random; twice as long after each probe in vain, up to 30 s" },
    { "invalidate_errors", OPTION_CHOICE, "queue", "queue|fail", FIELD(invalidate_errors),
      "Whether an invalidation that no server takes is kept and tried again (RCACHE_E_QUEUED), or just fails" },
    { "journal_max", OPTION_INTEGER, "100000", "1..100000000", FIELD(journal_max),
      "How many keys whose invalidation no server has taken are kept; further ones fail" },
    { "journal_file", OPTION_TEXT, "", "0..4kb", FIELD(journal_file),
      "A file of this process alone that keeps them, so that they outlive it and are tried again by the next" },
    { "wait_replicas", OPTION_INTEGER, "0", "0..1000", FIELD(policy.wait_replicas),
      "How many replicas have to confirm an invalidation before it counts as done" },
    { "wait_replicas_timeout", OPTION_DURATION, "3s", "1ms..1h", FIELD(policy.wait_replicas_timeout_ms),
      "How long to wait for the replicas of wait_replicas" },
    { "random_expire_adjustment", OPTION_NUMBER, "0.1", "0..0.9", FIELD(policy.random_expire_adjustment),
      "By up to which part a time to live is shortened at random, so that keys stored together don't expire together" },
    { "failover", OPTION_CHOICE, "distrust", "distrust|trust", FIELD(failover),
      "Whether what another server process stored is still fresh: it may have been invalidated by one that was lost" },
    { "disable_cache_read", OPTION_BOOLEAN, "no", "", FIELD(policy.disable_cache_read),
      "Makes every fetch load from the database, past the cache" },
    { "disable_cache_delete", OPTION_BOOLEAN, "no", "", FIELD(policy.disable_cache_delete),
      "Makes every invalidation do nothing" },
    { "strong_consistency", OPTION_BOOLEAN, "no", "", FIELD(policy.strong_consistency),
      "Makes a fetch wait for the newest value instead of serving the one before" },
    { "session_consistency", OPTION_BOOLEAN, "no", "", FIELD(policy.session_consistency),
      "Makes a fetch see what this cache has written or invalidated before, while others may see the value before" },
    { "prefix", OPTION_TEXT, "", "0..1kb", FIELD(prefix),
      "What is put before every key, so that programs can share a database" },
    { "layout", OPTION_CHOICE, "packed", "hash|packed", FIELD(layout),
      "How entries lie in the server: packed, a string, takes less time and memory; hash can be shared by rockscache" },
    { "topology_refresh", OPTION_DURATION, "30s", "100ms..24h", FIELD(topology_refresh_ms),
      "How often to ask a cluster or a Sentinel where keys are, although nothing has failed" },
    { "replica_reads", OPTION_BOOLEAN, "no", "", FIELD(replica_reads),
      "Lets fetches in eventual mode read from a cluster's replicas, which lag behind" },
    { "sentinel_username", OPTION_TEXT, "", "0..1kb", FIELD(sentinel_username),
      "The user at the Sentinels; those of the URL are for the servers that they watch" },
    { "sentinel_password", OPTION_SECRET, "", "0..1kb", FIELD(sentinel_password), "The password at the Sentinels" },
    { "username", OPTION_TEXT, "", "0..1kb", FIELD(login.user),
      "Who to be on the server, over the URL's user" },
    { "username_env", OPTION_TEXT, "", "0..1kb", FIELD(login.user_env),
      "Names an environment variable that holds the user; looked up for each connection" },
    { "password", OPTION_SECRET, "", "0..64kb", FIELD(login.password),
      "The password, over the URL's" },
    { "password_env", OPTION_TEXT, "", "0..1kb", FIELD(login.password_env),
      "Names an environment variable that holds the password; looked up for each connection" },
    { "password_file", OPTION_TEXT, "", "0..4kb", FIELD(login.password_file),
      "A file that holds the password and nothing else; read for each connection" },
    { "tls_ca_file", OPTION_TEXT, "", "0..4kb", FIELD(trust.ca_file),
      "A file of certificates in PEM: the CAs that may vouch for a server; neither file nor directory: the system's" },
    { "tls_ca_dir", OPTION_TEXT, "", "0..4kb", FIELD(trust.ca_dir),
      "A directory of such certificates, as openssl rehash leaves it" },
    { "tls_certificate", OPTION_TEXT, "", "0..4kb", FIELD(trust.certificate),
      "A file in PEM with the certificate to show a server that asks for one, and those between it and its CA" },
    { "tls_key", OPTION_TEXT, "", "0..4kb", FIELD(trust.key),
      "A file in PEM with the key of tls_certificate, without a passphrase; unset: it is in the certificate's file" },
    { "tls_server_name", OPTION_TEXT, "", "0..253", FIELD(trust.server_name),
      "The name that the server's certificate has to be for, if it isn't the URL's host" },
    { "tls_verify", OPTION_BOOLEAN, "yes", "", FIELD(trust.verify),
      "Whether the server's certificate is checked; no: whoever is between can read and change all, the password too" },
    { "connections", OPTION_INTEGER, "1", "1..64", FIELD(connections),
      "How many connections to a server all callers share" },
    { "resp", OPTION_INTEGER, "3", "2..3", FIELD(resp),
      "The newest version of the wire protocol to ask the server for" },
    { "memory_max_bytes", OPTION_SIZE, "256mb", "0..1048576gb", FIELD(memory_max_bytes),
      "How much a memory:// cache may hold before it drops entries; 0: no bound" },
};

_Static_assert(sizeof table / sizeof table[0] == OPTION_COUNT, "OPTION_COUNT is the size of the table");

const struct option *option_at(size_t index) {
    return index < OPTION_COUNT ? &table[index] : NULL;
}

const char *option_type_name(enum option_type type) {
    switch (type) {
    case OPTION_DURATION: return "duration";
    case OPTION_INTEGER: return "integer";
    case OPTION_NUMBER: return "number";
    case OPTION_BOOLEAN: return "boolean";
    case OPTION_SIZE: return "size";
    case OPTION_TEXT: return "text";
    case OPTION_SECRET: return "secret";
    case OPTION_CHOICE: return "choice";
    }
    return "";
}

static bool is_text(const struct option *option) {
    return option->type == OPTION_TEXT || option->type == OPTION_SECRET;
}

/* How a value of the type is written, for a message. */
static const char *type_form(enum option_type type) {
    switch (type) {
    case OPTION_DURATION: return "a duration such as 250ms, 3s, 2m, 1h or a number of seconds";
    case OPTION_INTEGER: return "a whole number";
    case OPTION_NUMBER: return "a number such as 0.1";
    case OPTION_BOOLEAN: return "yes or no";
    case OPTION_SIZE: return "a size such as 64kb, 256mb, 1gb or a number of bytes";
    case OPTION_TEXT:
    case OPTION_SECRET: return "text";
    case OPTION_CHOICE: return "one of";
    }
    return "";
}

/* Which of "a|b|c", from 0. */
static bool find_choice(const char *choices, struct slice text, int64_t *index) {
    *index = 0;
    for (const char *at = choices;; at++, ++*index) {
        size_t size = strcspn(at, "|");
        if (slice_equal(slice_of(at, size), text))
            return true;
        at += size;
        if (*at == '\0')
            return false;
    }
}

/* In the unit that the setting has; what text measures is its size. */
static bool measure(enum option_type type, struct slice text, int64_t *value) {
    switch (type) {
    case OPTION_DURATION: return quantity_duration(text, value);
    case OPTION_INTEGER: return quantity_integer(text, value);
    case OPTION_NUMBER: return quantity_billionths(text, value);
    case OPTION_BOOLEAN: return quantity_boolean(text, value);
    case OPTION_SIZE: return quantity_size(text, value);
    case OPTION_TEXT:
    case OPTION_SECRET: *value = (int64_t)text.size; return true;
    case OPTION_CHOICE: return false; /* is found, not measured */
    }
    return false;
}

/* The range is read from the text that people read, so that the two can't differ. */
static bool in_range(const struct option *option, int64_t value) {
    const char *dots = strstr(option->range, "..");
    if (dots == NULL)
        return true;
    enum option_type type = is_text(option) ? OPTION_SIZE : option->type;
    int64_t least, most;
    return measure(type, slice_of(option->range, (size_t)(dots - option->range)), &least) &&
           measure(type, slice_of_text(dots + 2), &most) && least <= value && value <= most;
}

/* Upper case and hyphens are what people type for names of other styles. */
static char plain(char c) {
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '-' ? '_' : c;
}

enum { NAME_SIZE_MAX = 32 };

/* How many characters to insert, drop or replace to get from one name to the other (Levenshtein 1966). */
static size_t name_distance(struct slice from, struct slice to) {
    size_t row[NAME_SIZE_MAX + 1];
    for (size_t j = 0; j <= to.size; j++)
        row[j] = j;
    for (size_t i = 1; i <= from.size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= to.size; j++) {
            size_t best = diagonal + (plain(from.data[i - 1]) != to.data[j - 1]);
            diagonal = row[j];
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (row[j] + 1 < best)
                best = row[j] + 1;
            row[j] = best;
        }
    }
    return row[to.size];
}

/* NULL if no name is near enough to have been meant. */
static const char *nearest_name(struct slice name) {
    if (name.size > NAME_SIZE_MAX)
        return NULL;
    const char *nearest = NULL;
    size_t limit = 2 + name.size / 3;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        size_t distance = name_distance(name, slice_of_text(table[i].name));
        if (distance < limit) {
            nearest = table[i].name;
            limit = distance;
        }
    }
    return nearest;
}

static int32_t unknown(const char *name, rcache_error *err) {
    struct blob *shown = text_of_key(slice_of_text(name));
    const char *text = shown != NULL ? shown->data : "?";
    const char *nearest = nearest_name(slice_of_text(name));
    if (nearest != NULL)
        error_set(err, RCACHE_E_INVALID, "unknown option '%s'; did you mean '%s'?", text, nearest);
    else
        error_set(err, RCACHE_E_INVALID, "unknown option '%s'; docs/options.md lists those that there are", text);
    blob_drop(shown);
    return RCACHE_E_INVALID;
}

int32_t option_find(const char *name, size_t *index, rcache_error *err) {
    if (name == NULL)
        return error_set(err, RCACHE_E_INVALID, "the name of the option is NULL; give one such as 'lock_expire'");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(name, table[i].name) == 0) {
            *index = i;
            return RCACHE_OK;
        }
    }
    return unknown(name, err);
}

/* As option_check, and hands out what it measured. */
static int32_t read_value(const struct option *option, const char *value, int64_t *measured, rcache_error *err) {
    if (value == NULL)
        return error_set(err, RCACHE_E_INVALID, "the value of '%s' is NULL; write %s", option->name,
                         type_form(option->type));
    bool choice = option->type == OPTION_CHOICE;
    bool formed = choice ? find_choice(option->range, slice_of_text(value), measured)
                         : measure(option->type, slice_of_text(value), measured);
    if (formed && in_range(option, *measured))
        return RCACHE_OK;
    struct blob *shown = text_of_key(slice_of_text(option->type != OPTION_SECRET ? value : "***"));
    const char *text = shown != NULL ? shown->data : "?";
    if (formed)
        error_set(err, RCACHE_E_INVALID, "'%s' is '%s', out of range; it may be %s%s", option->name, text,
                  option->range, is_text(option) ? " long" : "");
    else
        error_set(err, RCACHE_E_INVALID, "'%s' is '%s'; write %s%s%s", option->name, text, type_form(option->type),
                  choice ? " " : "", choice ? option->range : "");
    blob_drop(shown);
    return RCACHE_E_INVALID;
}

int32_t option_check(size_t index, const char *value, rcache_error *err) {
    int64_t measured;
    return read_value(&table[index], value, &measured, err);
}

/* `field` owns its text. */
static int32_t replace_text(char **field, const char *value, size_t size, rcache_error *err) {
    char *copy = mem_alloc(size + 1);
    if (copy == NULL)
        return error_set(err, RCACHE_E_NOMEM, "no memory for the value of an option");
    memcpy(copy, value, size + 1);
    mem_free(*field);
    *field = copy;
    return RCACHE_OK;
}

int32_t option_store(size_t index, const char *value, struct settings *settings, rcache_error *err) {
    const struct option *option = &table[index];
    void *field = (char *)settings + option->offset;
    int64_t measured;
    int32_t status = read_value(option, value, &measured, err);
    if (status != RCACHE_OK)
        return status;
    switch (option->type) {
    case OPTION_DURATION: *(int64_t *)field = measured; break;
    case OPTION_CHOICE:
    case OPTION_INTEGER: *(uint32_t *)field = (uint32_t)measured; break;
    case OPTION_NUMBER: *(double *)field = (double)measured / 1e9; break;
    case OPTION_BOOLEAN: *(bool *)field = measured != 0; break;
    case OPTION_SIZE: *(uint64_t *)field = (uint64_t)measured; break;
    case OPTION_TEXT:
    case OPTION_SECRET: return replace_text(field, value, (size_t)measured, err);
    }
    return RCACHE_OK;
}

void option_clear(size_t index, struct settings *settings) {
    char **field = (char **)(void *)((char *)settings + table[index].offset);
    if (!is_text(&table[index]))
        return;
    mem_free(*field);
    *field = NULL;
}
