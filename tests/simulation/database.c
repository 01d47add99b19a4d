#include "database.h"

#include "base/rule.h"
#include "world.h"

struct slice key_slice(uint32_t key) {
    static const char *const names[KEYS_MAX] = { "{a}0", "{b}1", "{a}2", "{b}3" }; /* two slots in turns */
    return slice_of(names[key], KEY_SIZE);
}

uint32_t key_number(struct slice name) {
    return (uint32_t)(name.data[KEY_SIZE - 1] - '0');
}

void database_init(struct database *database) {
    for (uint32_t key = 0; key < KEYS_MAX; key++) {
        struct row *row = &database->rows[key];
        row->newest = 1;
        row->absent[1] = false;
        row->committed_us[1] = 0;
        row->taken = false;
    }
}

bool database_takes(const struct database *database, uint32_t key, int64_t fence) {
    return database->rows[key].fence < fence || !RULE(the_database_looks_at_fences, true);
}

uint32_t database_commit(struct world *world, uint32_t key) {
    struct row *row = &world->database.rows[key];
    if (row->newest + 1 >= VERSIONS_MAX)
        return 0;
    uint32_t version = ++row->newest;
    row->absent[version] = dice_chance(&world->luck, world->plan.absent_share);
    row->committed_us[version] = world->now_us;
    world->step++;
    return version;
}

uint32_t database_read(struct world *world, uint32_t key, bool primary) {
    const struct row *row = &world->database.rows[key];
    uint32_t version = row->newest;
    if (primary || !plan_has(&world->plan, FAULT_lag))
        return version;
    int64_t behind_us = dice_between(&world->loaders, 0, world->plan.policy.lock_expire_ms * 1000);
    while (version > 1 && row->committed_us[version] > world->now_us - behind_us)
        version--;
    return version;
}

uint32_t database_first_absent(const struct database *database, uint32_t key, uint32_t least) {
    const struct row *row = &database->rows[key];
    uint32_t version = least > 0 ? least : 1;
    while (version <= row->newest && !row->absent[version])
        version++;
    return version;
}

bool database_was_absent(const struct database *database, uint32_t key, uint32_t least) {
    return database_first_absent(database, key, least) <= database->rows[key].newest;
}
