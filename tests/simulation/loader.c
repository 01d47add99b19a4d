/* loader: a load that runs: some time passes, the database is read, some more time passes, the load is finished. */
#include "resilicache.h"
#include "world.h"

#include <stdlib.h>

static int64_t draw_us(struct world *world) {
    int64_t us = dice_between(&world->loaders, 0, world->plan.load_us);
    if (world_has(world, FAULT_slow_load) && dice_chance(&world->loaders, 200))
        us += dice_between(&world->loaders, 0, world->plan.policy.lock_expire_max_ms * 1500);
    return us;
}

static struct blob *value_of(struct world *world, const struct process *process, uint32_t key, uint32_t version,
                             uint64_t began) {
    const struct content content = { key, version, check_source(world, key, version, process->foreign, began) };
    return blob_copy(&content, sizeof content);
}

/* As the functions of abi/load.c. */
static void answer(struct load_item *item, enum answer_kind kind, struct blob *value) {
    blob_drop(item->value);
    item->value = value;
    item->answer = kind;
}

static void answer_key(struct task *task, struct load_item *item) {
    struct world *world = task->process->world;
    uint32_t key = key_number(op_key(task->load->op, item->position));
    uint32_t version = database_read(world, key, task->load->primary);
    if (world_has(world, FAULT_bad_load) && dice_chance(&world->loaders, 200)) {
        static const enum answer_kind kinds[] = { ANSWER_FAILED, ANSWER_NONE, ANSWER_REFUSED };
        enum answer_kind kind = dice_pick(&world->loaders, kinds);
        if (kind != ANSWER_NONE)
            answer(item, kind, kind == ANSWER_FAILED ? blob_copy("no database", 11) : blob_copy("refused", 7));
        return;
    }
    tell(world, "p%u loads v%u of k%u as load %u", task->process->number, version, key,
         world->check.source_count + 1);
    item->version = world_has(world, FAULT_versions) ? (int64_t)version : 0;
    if (world->database.rows[key].absent[version])
        answer(item, ANSWER_ABSENT, NULL);
    else
        answer(item, ANSWER_VALUE, value_of(world, task->process, key, version, task->began));
}

/* An update's: UPDATE ... WHERE fence < ? */
static void transact(struct task *task) {
    struct world *world = task->process->world;
    struct op *op = task->load->op;
    uint32_t key = key_number(op_key(op, 0));
    bool fails = world_has(world, FAULT_bad_load) && dice_chance(&world->loaders, 200);
    bool takes = database_takes(&world->database, key, op->slots[0].fence);
    if (task->call == NULL || fails || !takes) {
        answer(&task->load->items[0], ANSWER_FAILED, takes ? blob_copy("rolled back", 11) : blob_copy("too late", 8));
        return;
    }
    uint32_t version = database_commit(world, key);
    task->call->writes[0] = check_write(world, key, version, op->owner);
    check_fenced_commit(world, key, op->slots[0].fence);
    world->database.rows[key].fence = op->slots[0].fence;
    tell(world, "p%u commits v%u of k%u in op %u", task->process->number, version, key, task->call->number);
}

static void finish(struct task *task) {
    struct process *process = task->process;
    struct caller *caller = task->caller;
    struct call *call = task->call;
    check_load_ended(process->world, task->load);
    if (call != NULL && --call->loads == 0) {
        call->loaded_us = process->world->now_us;
        call->loading_us += call->loaded_us - call->loading_since_us;
    }
    process_enter(process);
    engine_finish_load(&process->engine, task->load, process_now_ms(process));
    process_leave(process);
    world_cancel(process->world, &task->event);
    list_remove(&task->node);
    if (call != NULL)
        op_drop(call->op);
    free(task);
    if (caller == NULL)
        return;
    caller->task = NULL;
    caller_wake(caller);
}

static void run(struct world *world, struct event *event) {
    struct task *task = event_owner(event, struct task, event);
    if (process_puts_off(task->process, event))
        return;
    if (!task->read) {
        task->read = true;
        if (task->load->op->kind == OP_UPDATE)
            transact(task);
        for (size_t i = 0; task->load->op->kind != OP_UPDATE && i < task->load->count; i++)
            answer_key(task, &task->load->items[i]);
        world_at(world, event, world->now_us + draw_us(world), event->run);
        return;
    }
    tell(world, "p%u finishes its load", task->process->number);
    finish(task);
}

void task_begin(struct process *process, struct load *load, struct call *call, struct caller *caller) {
    struct world *world = process->world;
    struct task *task = calloc(1, sizeof *task);
    *task = (struct task){ .process = process, .load = load, .call = call, .caller = caller };
    task->event.run = run;
    task->began = ++world->step;
    list_append(&process->tasks, &task->node);
    check_load_began(world, process, load);
    tell(world, "p%u is handed a load of %zu key%s%s", process->number, load->count, load->count > 1 ? "s" : "",
         load->behind ? ", behind" : "");
    if (caller != NULL)
        caller->task = task;
    if (call != NULL) {
        op_hold(call->op);
        call->loads_begun++;
        if (call->loads++ == 0)
            call->loading_since_us = world->now_us;
    }
    bool throws = world_has(world, FAULT_bad_load) && dice_chance(&world->loaders, 100);
    task->read = throws;
    world_at(world, &task->event, world->now_us + (throws ? 0 : draw_us(world)), run);
}

void task_close(struct task *task) {
    task->caller = NULL;
    finish(task);
}
