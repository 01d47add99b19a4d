#include "runtime/journal.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "engine/pause.h"
#include "runtime/cache.h"
#include "runtime/exchange.h"
#include "runtime/health.h"

enum { BATCH_MAX = 128, PAUSE_FIRST_MS = 50, PAUSE_LAST_MS = 1000 };

struct record {
    struct map_node node;      /* its key; none once another has taken its place */
    struct link_node turn;     /* in journal->records */
    enum journal_kind kind;
    bool replaced;             /* only its request is left of it */
    bool under_way;
    bool tells_version;        /* that is all that is left to be done */
    struct slice owner;        /* UNLOCK */
    int64_t version;           /* 0: none */
    struct request request;
    char bytes[];
};

bool journal_init(struct journal *journal, uint64_t seed) {
    pthread_mutex_init(&journal->lock, NULL);
    list_init(&journal->records);
    journal->due_ms = INT64_MAX;
    return map_init(&journal->by_key, seed);
}

static void free_record(struct record *record) {
    request_clear(&record->request);
    mem_free(record);
}

void journal_clear(struct journal *journal) {
    for (struct link_node *node; (node = list_take(&journal->records)) != NULL;)
        free_record(list_entry(node, struct record, turn));
    journal_file_close(journal->file);
    map_clear(&journal->by_key);
    pthread_mutex_destroy(&journal->lock);
}

/* With the lock. */
static struct record *find(const struct journal *journal, struct slice key) {
    struct map_node *node = map_find(&journal->by_key, key);
    return node != NULL ? list_entry(node, struct record, node) : NULL;
}

/* ---- keeping ---- */

static struct record *record_new(const struct journal_entry *entry) {
    struct slice key = entry->key, owner = entry->owner;
    struct record *record = mem_alloc_zeroed(1, sizeof *record + key.size + owner.size);
    if (record == NULL)
        return NULL;
    list_init(&record->turn);
    list_init(&record->request.node);
    record->kind = (enum journal_kind)entry->kind;
    record->version = entry->version;
    if (key.size > 0)
        memcpy(record->bytes, key.data, key.size);
    if (owner.size > 0)
        memcpy(record->bytes + key.size, owner.data, owner.size);
    record->node.key = slice_of(record->bytes, key.size);
    record->owner = slice_of(record->bytes + key.size, owner.size);
    return record;
}

static struct journal_entry entry_of(const struct record *record) {
    return (struct journal_entry){ record->kind, record->node.key, record->owner, record->version };
}

/* With the lock. */
static void add(struct journal *journal, struct record *record) {
    struct journal_entry entry = entry_of(record);
    map_add(&journal->by_key, &record->node);
    list_append(&journal->records, &record->turn);
    journal->live += journal_encoded_size(&entry);
    journal->depth++;
}

/* With the lock. */
static void forget(struct journal *journal, struct record *record) {
    struct journal_entry entry = entry_of(record);
    map_remove(&journal->by_key, &record->node);
    list_remove(&record->turn);
    journal->live -= journal_encoded_size(&entry);
    journal->depth--;
    record->replaced = true;
    if (!record->under_way)
        free_record(record);
}

/* With the lock.  NULL, or why it can't be there. */
static const char *write_down(struct journal *journal, const struct record *record, const struct record *before) {
    bool is_there = before != NULL && before->kind == record->kind && before->version == record->version &&
                    slice_equal(before->owner, record->owner);
    struct journal_entry entry = entry_of(record);
    return journal->file == NULL || is_there ? NULL : journal_file_append(journal->file, &entry);
}

/* With the lock.  What is under way may have been carried out before this one was called for, so that it counts for
 * nothing: the key gets a record of its own. */
static const char *keep(struct rcache *cache, struct journal_entry entry) {
    struct journal *journal = &cache->journal;
    struct record *before = find(journal, entry.key);
    if (before == NULL && journal->depth >= cache->settings.journal_max)
        return "the journal is full (journal_max)";
    if (before != NULL && before->kind > entry.kind) {
        entry.kind = before->kind;
        entry.owner = before->owner;
    }
    if (before != NULL && before->version > entry.version)
        entry.version = before->version;
    struct record *record = record_new(&entry);
    if (record == NULL)
        return "there is no memory for the journal";
    const char *refusal = write_down(journal, record, before);
    if (refusal != NULL) {
        free_record(record);
        return refusal;
    }
    if (before != NULL)
        forget(journal, before);
    add(journal, record);
    return NULL;
}

/* With the lock. */
static void expect(struct rcache *cache, int64_t due_ms) {
    cache->journal.due_ms = due_ms;
    service_expect(cache, due_ms);
}

static enum journal_kind kind_of(enum verb verb) {
    return verb == VERB_DELETE ? JOURNAL_DELETE : verb == VERB_UNLOCK ? JOURNAL_UNLOCK : JOURNAL_INVALIDATE;
}

static void note(struct rcache *cache, struct request *request) {
    struct journal *journal = &cache->journal;
    struct reply *reply = &request->reply;
    struct slice owner = request->verb == VERB_UNLOCK ? request->owner : slice_of(NULL, 0);
    pthread_mutex_lock(&journal->lock);
    const char *refusal = keep(cache, (struct journal_entry){ kind_of(request->verb), request->key, owner,
                                                              request->version });
    if (refusal == NULL && journal->due_ms == INT64_MAX && journal->under_way == 0)
        expect(cache, clock_now_ms() + PAUSE_FIRST_MS);
    pthread_mutex_unlock(&journal->lock);
    if (refusal == NULL) {
        cache->counters.invalidations_queued++;
        reply->status = RCACHE_E_QUEUED;
    } else {
        cache->counters.journal_overflow++;
        doubt_begin(&journal->doubt, &cache->settings.policy, clock_now_ms());
    }
    struct blob *why = reply->message;
    const char *text = why != NULL ? why->data : "no server answers";
    if (refusal == NULL)
        reply->message = text_join(text, "; it is kept, and carried out once a server takes it", (const char *)NULL);
    else
        reply->message = text_join(text, "; it is not kept for later, for ", refusal, (const char *)NULL);
    blob_drop(why);
}

/* ---- the file ---- */

/* With the lock. */
static void tidy_file(struct journal *journal) {
    struct journal_file *file = journal->file;
    if (journal->depth == 0)
        journal_file_empty(file);
    if (!journal_file_is_bloated(file, journal->live))
        return;
    struct buffer records = BUFFER_INIT;
    bool ok = true;
    for (struct link_node *node = journal->records.next; ok && node != &journal->records; node = node->next) {
        struct journal_entry entry = entry_of(list_entry(node, struct record, turn));
        ok = journal_encode(&records, &entry);
    }
    if (ok)
        journal_file_replace(file, buffer_slice(&records));
    buffer_clear(&records);
}

/* With the lock.  Where that can't be written down, it will be carried out once more. */
static void write_off(struct journal *journal, const struct record *record) {
    struct journal_entry entry = { .kind = 0, .key = record->node.key };
    if (journal->file != NULL)
        journal_file_append(journal->file, &entry);
}

/* False for want of memory. */
static bool replay(struct journal *journal, const struct journal_entry *entry) {
    struct record *before = find(journal, entry->key);
    struct record *record = NULL;
    if (entry->kind != 0) {
        record = record_new(entry);
        if (record == NULL)
            return false;
    }
    if (before != NULL)
        forget(journal, before);
    if (record != NULL)
        add(journal, record);
    return true;
}

int32_t journal_open(struct journal *journal, const char *path, rcache_error *err) {
    struct buffer bytes;
    struct journal_entry entry;
    bool ok = true;
    int32_t status = journal_file_open(path, &journal->file, &bytes, err);
    if (status != RCACHE_OK)
        return status;
    for (struct slice rest = buffer_slice(&bytes); ok && journal_next(&rest, &entry);)
        ok = replay(journal, &entry);
    buffer_clear(&bytes);
    if (!ok)
        return error_set(err, RCACHE_E_NOMEM, "no memory for the records in the journal_file");
    tidy_file(journal);
    if (journal->depth > 0)
        journal->due_ms = 0;
    return RCACHE_OK;
}

void journal_release(struct journal *journal) {
    pthread_mutex_lock(&journal->lock);
    journal_file_close(journal->file);
    journal->file = NULL;
    pthread_mutex_unlock(&journal->lock);
}

void journal_abandon(struct journal *journal) {
    journal_file_close(journal->file);
    journal->file = NULL;
}

/* ---- not trusting ---- */

static void refuse(struct request *request, bool queued, struct link_node *done) {
    exchange_refuse(request, RCACHE_E_UNAVAILABLE,
                    queued ? "an invalidation of it has not reached the server yet"
                           : "an invalidation was lost, and may have been of this key (journal_overflow)",
                    done);
    request->heard = HEARD_BARRED;
}

static void lose(struct request *request, struct link_node *done) {
    reply_clear(&request->reply);
    request->heard = HEARD_BARRED;
    request->reply.verdict = VERDICT_LOST;
    list_append(done, &request->node);
}

bool journal_admits(struct journal *journal, struct request *request, struct link_node *done) {
    bool reads = request->verb == VERB_PEEK || request->verb == VERB_WATCH || request->verb == VERB_ACQUIRE ||
                 request->verb == VERB_LOCK;
    bool stores = request->reply_for == FOR_FLIGHT && request->verb == VERB_PUT;
    bool doubted = doubt_left_ms(&journal->doubt) > 0;
    if ((journal->depth == 0 && !doubted) || (!reads && !stores))
        return true;
    pthread_mutex_lock(&journal->lock);
    bool queued = find(journal, request->key) != NULL, barred = queued || doubted;
    pthread_mutex_unlock(&journal->lock);
    if (barred && reads)
        refuse(request, queued, done);
    else if (barred)
        lose(request, done);
    return !barred;
}

/* ---- trying again ---- */

/* Only an invalidation tells a version: what else is kept is followed by one. */
static void fill(const struct rcache *cache, struct record *record) {
    static const enum verb verbs[] = { [JOURNAL_INVALIDATE] = VERB_INVALIDATE,
                                       [JOURNAL_UNLOCK] = VERB_UNLOCK,
                                       [JOURNAL_DELETE] = VERB_DELETE };
    request_clear(&record->request);
    record->under_way = true;
    record->request = (struct request){ .verb = record->tells_version ? VERB_INVALIDATE : verbs[record->kind],
                                        .key = record->node.key,
                                        .owner = record->owner,
                                        .version = record->version,
                                        .bound_ms = cache->settings.policy.delay_ms,
                                        .settle_ms = cache->settings.policy.settle_ms,
                                        .reply_for = FOR_JOURNAL,
                                        .target = record };
}

/* With the lock. */
static void pause(struct rcache *cache, int64_t now_ms) {
    struct journal *journal = &cache->journal;
    struct random random = { cache->seed ^ (uint64_t)now_ms };
    journal->pause_ms = journal->pause_ms == 0 ? PAUSE_FIRST_MS : pause_doubled(journal->pause_ms, PAUSE_LAST_MS);
    expect(cache, now_ms + pause_jittered(journal->pause_ms, &random));
}

/* With the lock.  Records for servers that are known to be down wait for the next time. */
static size_t take_batch(struct rcache *cache, int64_t now_ms, struct link_node *requests) {
    struct journal *journal = &cache->journal;
    size_t count = 0;
    for (size_t left = journal->depth; left > 0 && count < BATCH_MAX; left--) {
        struct record *record = list_entry(list_take(&journal->records), struct record, turn);
        list_append(&journal->records, &record->turn);
        if (health_is_silent(&cache->topology, record->node.key, now_ms))
            continue;
        fill(cache, record);
        list_append(requests, &record->request.node);
        count++;
    }
    return count;
}

void journal_send(struct rcache *cache, struct link_node *requests) {
    struct journal *journal = &cache->journal;
    if (journal->due_ms == INT64_MAX || cache->closed)
        return;
    int64_t now_ms = clock_now_ms();
    if (now_ms < journal->due_ms)
        return;
    pthread_mutex_lock(&journal->lock);
    journal->due_ms = INT64_MAX; /* those under way say when to go on */
    if (journal->under_way == 0 && journal->depth > 0) {
        journal->progress = false;
        journal->under_way = take_batch(cache, now_ms, requests);
        if (journal->under_way == 0)
            pause(cache, now_ms);
    }
    pthread_mutex_unlock(&journal->lock);
}

void journal_hurry(struct rcache *cache) {
    if (cache->journal.depth > 0 && cache->journal.under_way == 0)
        cache->journal.due_ms = 0;
}

/* With the lock.  A key that holds no entry has nothing to invalidate. */
static void take_back(struct rcache *cache, struct record *record) {
    struct journal *journal = &cache->journal;
    bool answered = record->request.reply.status == RCACHE_OK || record->request.reply.status == RCACHE_E_TYPE;
    bool is_half = record->version > 0 && record->request.verb != VERB_INVALIDATE, taken = answered && !is_half;
    record->tells_version = record->tells_version || (answered && is_half);
    record->under_way = false;
    journal->progress = journal->progress || answered;
    if (taken)
        cache->counters.journal_drained++;
    if (taken && !record->replaced)
        write_off(journal, record);
    if (record->replaced)
        free_record(record);
    else if (taken)
        forget(journal, record);
    if (--journal->under_way > 0)
        return;
    if (journal->file != NULL)
        tidy_file(journal);
    if (journal->depth == 0) {
        journal->pause_ms = 0;
    } else if (journal->progress) {
        journal->pause_ms = 0;
        expect(cache, 0);
    } else {
        pause(cache, clock_now_ms());
    }
}

/* ---- coming back ---- */

static bool is_lost(const struct request *request) {
    bool invalidates =
        request->verb == VERB_INVALIDATE || request->verb == VERB_UNLOCK || request->verb == VERB_DELETE;
    bool passes = request->reply.status == RCACHE_E_UNAVAILABLE || request->reply.refused;
    return invalidates && request->reply_for == FOR_SLOT && passes;
}

void journal_take(struct rcache *cache, struct link_node *done) {
    struct journal *journal = &cache->journal;
    bool keeps = cache->settings.invalidate_errors == INVALIDATE_ERRORS_QUEUE;
    for (struct link_node *node = done->next, *next; node != done; node = next) {
        next = node->next;
        struct request *request = list_entry(node, struct request, node);
        if (request->reply_for == FOR_JOURNAL) {
            list_remove(node);
            pthread_mutex_lock(&journal->lock);
            take_back(cache, request->target);
            pthread_mutex_unlock(&journal->lock);
        } else if (keeps && is_lost(request)) {
            note(cache, request);
        }
    }
}
