#include "process.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/rule.h"
#include "resilicache.h"
#include "runtime/exchange.h"
#include "world.h"

#include <stdlib.h>

/* Requests that a thread has taken out of the engine and is about to send. */
struct batch {
    struct event event;
    struct link_node node;
    struct process *process;
    struct link_node requests;
};

/* ---- time ---- */

int64_t process_now_ms(const struct process *process) {
    int64_t elapsed_us = process->world->now_us - process->born_us;
    return process->born_ms + (elapsed_us + elapsed_us * process->drift_ppm / 1000000) / 1000;
}

bool process_puts_off(struct process *process, struct event *event) {
    struct world *world = process->world;
    if (world->now_us >= process->paused_us)
        return false;
    world_at(world, event, process->paused_us + (int64_t)dice_below(&world->threads, 50), event->run);
    return true;
}

int64_t process_thread_us(struct process *process) {
    struct world *world = process->world;
    int64_t us = (int64_t)dice_below(&world->threads, 20);
    if (world_has(world, FAULT_threads) && dice_chance(&world->threads, 150))
        us += dice_between(&world->threads, 0, world->plan.policy.lock_expire_ms * 400);
    return us;
}

/* ---- sending ---- */

static bool has_cluster(const struct process *process) {
    return process->world->plan.members > 1;
}

static uint32_t member_of(const struct node *node) {
    return node->address.port - 1u;
}

const struct node *process_node(const struct process *process, uint32_t member) {
    for (size_t i = 0; has_cluster(process) && i < process->topology.node_count; i++)
        if (member_of(process->topology.nodes[i]) == member)
            return process->topology.nodes[i];
    return NULL;
}

/* As exchange_place_of and prefer_replica of the runtime. */
static uint32_t place_for(struct process *process, struct request *request) {
    bool looks = request->verb == VERB_PEEK && !RULE(strong_reads_the_primary, request->strong);
    request->primary_epoch = 0;
    if (request->verb == VERB_WATCH)
        return PLACE_WATCH;
    if (request->replicas > 0)
        return PLACE_CONFIRM;
    if (!process->world->plan.replica_reads || !looks || request->primary_only || process->epoch == 0)
        return request->route % SHARED_LINKS;
    request->primary_epoch = process->epoch;
    return PLACE_REPLICA;
}

/* As passage_out of the runtime: to whom the topology says. */
static void send(struct process *process, struct link_node *requests, struct link_node *done) {
    struct topology *topology = &process->topology;
    for (struct link_node *node; (node = list_take(requests)) != NULL;) {
        struct request *request = list_entry(node, struct request, node);
        uint32_t member = 0;
        if (!process->alive) {
            exchange_finish(request, RCACHE_E_CLOSED, "closed", done);
            continue;
        }
        if (has_cluster(process)) {
            if (!topology_route(topology, request, process_now_ms(process), requests, done))
                continue;
            member = member_of(topology->nodes[request->server]);
        }
        link_append(process->world, &process->links[member][place_for(process, request)], request, done);
    }
}

static void send_batch(struct world *world, struct event *event) {
    (void)world;
    struct batch *batch = event_owner(event, struct batch, event);
    struct process *process = batch->process;
    if (process_puts_off(process, event))
        return;
    struct link_node done, requests;
    list_init(&done);
    list_init(&requests);
    list_move_all(&requests, &batch->requests);
    list_remove(&batch->node);
    free(batch);
    send(process, &requests, &done);
    process_dispatch(process, &done);
}

static void send_soon(struct process *process, struct link_node *requests) {
    if (list_empty(requests))
        return;
    struct batch *batch = calloc(1, sizeof *batch);
    batch->process = process;
    batch->event.run = send_batch;
    list_init(&batch->requests);
    list_move_all(&batch->requests, requests);
    list_append(&process->batches, &batch->node);
    world_at(process->world, &batch->event, process->world->now_us + process_thread_us(process), send_batch);
}

void process_submit(struct process *process, struct op *op) {
    struct link_node requests;
    list_init(&requests);
    op_hold(op);
    for (size_t i = 0; i < op->count; i++)
        list_append(&requests, &op->slots[i].request.node);
    send_soon(process, &requests);
}

/* ---- the engine ---- */

static struct world *starving; /* whose memory may be refused now */

static int refuse(void) {
    return starving != NULL && dice_chance(&starving->luck, 20);
}

void process_enter(struct process *process) {
    process->world->step++;
    if (!world_has(process->world, FAULT_memory))
        return;
    starving = process->world;
    mem_refuse_when(refuse);
}

static void check_calls(struct process *process) {
    for (struct link_node *node = process->calls.next; node != &process->calls; node = node->next)
        check_call(process->world, list_entry(node, struct call, live));
}

static void expect_timer(struct process *process) {
    struct world *world = process->world;
    int64_t due_ms = engine_due_ms(&process->engine);
    if (due_ms == INT64_MAX || !process->alive) {
        world_cancel(world, &process->timer);
        return;
    }
    int64_t left_ms = due_ms - process_now_ms(process);
    int64_t due_us = world->now_us + (left_ms > 0 ? left_ms : 0) * 1000;
    world_at(world, &process->timer, due_us + process_thread_us(process), process->timer.run);
}

void process_leave(struct process *process) {
    struct engine *engine = &process->engine;
    starving = NULL;
    check_calls(process);
    check_waiting(process->world, process);
    struct link_node requests, awake;
    list_init(&requests);
    list_init(&awake);
    list_move_all(&requests, &engine->outgoing);
    list_move_all(&awake, &engine->awake);
    send_soon(process, &requests);
    for (struct link_node *node; (node = list_take(&awake)) != NULL;) {
        struct op *op = list_entry(node, struct op, awake);
        call_news(call_of(op));
        op_drop(op);
    }
    expect_timer(process);
}

static void run_timers(struct world *world, struct event *event) {
    (void)world;
    struct process *process = event_owner(event, struct process, timer);
    if (process_puts_off(process, event))
        return;
    process_enter(process);
    engine_tick(&process->engine, process_now_ms(process));
    process_leave(process);
}

void process_changed(struct process *process, struct slice key) {
    process_enter(process);
    engine_changed(&process->engine, key);
    process_leave(process);
}

/* True: that was all there is to do. */
static bool reply_in_private(struct op *op) {
    enum arrival arrival = op_arrive(op);
    if (arrival == ARRIVAL_OF_ENGINE)
        return false;
    if (arrival != ARRIVAL_LAST)
        return true;
    call_news(call_of(op));
    op_drop(op);
    return true;
}

/* The source of a stale value that the reply brings. */
static uint32_t carried_by(struct world *world, const struct request *request) {
    bool stale = request->reply.verdict == VERDICT_OWNED || request->reply.verdict == VERDICT_BUSY;
    const struct source *source = check_source_of(world, request->reply.value);
    return stale && source != NULL ? (uint32_t)(source - world->check.sources) + 1 : 0;
}

/* A replica that is away holds nobody up. */
static bool goes_to_primary(struct process *process, struct request *request) {
    request->primary_only = request->primary_epoch != 0 && request->reply.status == RCACHE_E_UNAVAILABLE;
    request->primary_epoch = 0;
    return request->primary_only && process->alive;
}

static void reply(struct process *process, struct request *request) {
    struct world *world = process->world;
    struct op *op = request->reply_for == FOR_SLOT ? ((struct slot *)request->target)->op : NULL;
    if (op != NULL && reply_in_private(op))
        return;
    process_enter(process);
    world->check.carried = carried_by(world, request);
    engine_reply(&process->engine, request, process_now_ms(process));
    process_leave(process);
    world->check.carried = 0;
}

static void expect_map_timer(struct process *process) {
    struct world *world = process->world;
    int64_t due_ms = process->topology.due_ms;
    if (!has_cluster(process))
        return;
    if (due_ms == INT64_MAX || !process->alive) {
        world_cancel(world, &process->map_timer);
        return;
    }
    int64_t left_ms = due_ms - process_now_ms(process);
    world_at(world, &process->map_timer, world->now_us + (left_ms > 0 ? left_ms : 0) * 1000, process->map_timer.run);
}

/* As settle() of runtime/cache.c. */
void process_dispatch(struct process *process, struct link_node *done) {
    struct link_node requests;
    list_init(&requests);
    do {
        if (has_cluster(process))
            topology_review(&process->topology, done, process_now_ms(process), &requests);
        for (struct link_node *node; (node = list_take(done)) != NULL;) {
            struct request *request = list_entry(node, struct request, node);
            if (goes_to_primary(process, request)) {
                reply_clear(&request->reply);
                list_append(&requests, &request->node);
            } else {
                reply(process, request);
            }
        }
        send(process, &requests, done);
    } while (!list_empty(done));
    expect_map_timer(process);
}

static void look_at_map(struct world *world, struct event *event) {
    (void)world;
    struct process *process = event_owner(event, struct process, map_timer);
    struct link_node requests, done;
    if (process_puts_off(process, event))
        return;
    list_init(&requests);
    list_init(&done);
    topology_tick(&process->topology, process_now_ms(process), &requests, &done);
    send(process, &requests, &done);
    process_dispatch(process, &done);
}

/* ---- beginning and end ---- */

/* Its connections are there already, dialled or not. */
static bool connect_node(void *owner, struct node *node) {
    (void)owner, (void)node;
    return true;
}

static bool begin_topology(struct process *process) {
    const struct surroundings around = { .settings = &process->world->settings,
                                         .closed = &process->closed,
                                         .replaced = &process->replaced,
                                         .seed = process->number,
                                         .connect = connect_node };
    process->closed = false;
    process->topology = (struct topology){ .scheme = SCHEME_CLUSTER };
    return !has_cluster(process) || topology_init(&process->topology, &around);
}

static void begin(struct world *world, struct process *process) {
    static const enum purpose purposes[] = { PURPOSE_WATCH, PURPOSE_CONFIRM, PURPOSE_REPLICA };
    struct random dice = dice_for(world->plan.seed, 10 + process->number, process->life);
    process->alive = true;
    process->life++;
    process->random = dice_for(world->plan.seed, 30 + process->number, process->life);
    process->policy = world->plan.policy;
    process->policy.disable_cache_read = plan_has(&world->plan, FAULT_past) && process->number == 1;
    process->foreign = plan_has(&world->plan, FAULT_foreign) && process->number == 0;
    process->born_us = world->now_us;
    process->born_ms = dice_between(&dice, 1, 1000000);
    process->drift_ppm = plan_has(&world->plan, FAULT_drift) ? dice_between(&dice, -10000, 10000) : 0;
    process->skew_ms = server_now_ms(world) - process->born_ms + dice_between(&dice, -500, 500);
    process->paused_us = 0;
    process->session = (struct session){ 0 };
    memset(process->written, 0, sizeof process->written);
    process->epoch = 0;
    uint64_t identity = random_next(&dice);
    if (!engine_init(&process->engine, &process->policy, &process->counters, identity, random_next(&dice)))
        world_violate(world, "no memory for an engine");
    process->engine.can_watch = dice_chance(&dice, 700);
    for (uint32_t i = 0; i < world->plan.members * LINKS; i++) {
        uint32_t place = i % LINKS;
        link_init(&process->links[i / LINKS][place], process, i / LINKS,
                  place < SHARED_LINKS ? PURPOSE_SHARED : purposes[place - SHARED_LINKS]);
    }
    if (!begin_topology(process))
        world_violate(world, "no memory for a topology");
    for (uint32_t i = 0; i < world->plan.callers; i++)
        caller_wake(&process->callers[i]);
}

static void be_born(struct world *world, struct event *event) {
    struct process *process = event_owner(event, struct process, birth);
    begin(world, process);
    tell(world, "p%u begins anew", process->number);
}

bool process_init(struct world *world, uint32_t number) {
    struct process *process = &world->processes[number];
    *process = (struct process){ .world = world, .number = number };
    process->timer.run = run_timers;
    process->map_timer.run = look_at_map;
    process->birth.run = be_born;
    list_init(&process->batches);
    list_init(&process->tasks);
    list_init(&process->calls);
    for (uint32_t i = 0; i < world->plan.callers; i++)
        caller_init(&process->callers[i], process, i);
    begin(world, process);
    return world->violation[0] == '\0';
}

/* Nothing is sent any more. */
static void refuse_batches(struct world *world, struct process *process, struct link_node *done) {
    for (struct link_node *node; (node = list_take(&process->batches)) != NULL;) {
        struct batch *batch = list_entry(node, struct batch, node);
        world_cancel(world, &batch->event);
        for (struct link_node *request = batch->requests.next; request != &batch->requests; request = request->next)
            list_entry(request, struct request, node)->reply.status = RCACHE_E_CLOSED;
        list_move_all(done, &batch->requests);
        free(batch);
    }
}

void process_close(struct world *world, struct process *process) {
    struct link_node done;
    list_init(&done);
    if (!process->alive)
        return;
    process->alive = false;
    process->closed = true;
    for (uint32_t i = 0; i < world->plan.callers; i++)
        caller_close(&process->callers[i]);
    while (!list_empty(&process->calls))
        call_close(list_entry(process->calls.next, struct call, live));
    while (!list_empty(&process->tasks))
        task_close(list_entry(process->tasks.next, struct task, node));
    if (has_cluster(process))
        topology_end(&process->topology, &done);
    for (uint32_t i = 0; i < world->plan.members * LINKS; i++)
        link_close(world, &process->links[i / LINKS][i % LINKS], &done);
    while (!list_empty(&process->batches) || !list_empty(&done)) {
        refuse_batches(world, process, &done);
        process_dispatch(process, &done);
    }
    world_cancel(world, &process->timer);
    engine_clear(&process->engine);
    if (has_cluster(process))
        topology_clear(&process->topology);
}
