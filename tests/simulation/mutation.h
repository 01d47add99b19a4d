/* mutation: the rules that can be switched off, one at a time, in the build of the simulation that is made for it.
 * A rule that can be off without any promise being broken says nothing for the rule, and much against the checks. */
#ifndef RESILICACHE_TESTS_MUTATION_H
#define RESILICACHE_TESTS_MUTATION_H

/* Each with the faults that it is there for, where these are rare. */
#define MUTATIONS(X)                                                                                                 \
    /* of the store */                                                                                               \
    X(only_the_owner_stores, "")                                                                                     \
    X(ended_leases_have_no_owner, "")                                                                                \
    X(leases_hold, "")                                                                                               \
    X(leased_keys_end, "")                                                                                           \
    X(locks_hold, "")                                                                                                \
    X(locks_end, "raw")                                                                                              \
    X(locks_survive_invalidations, "")                                                                               \
    X(one_lock_at_a_time, "")                                                                                        \
    X(intents_take_the_value, "")                                                                                    \
    X(fences_rise, "time_step")                                                                                     \
    X(unlock_always_invalidates, "")                                                                                 \
    X(the_first_invalidation_counts, "")                                                                             \
    X(time_ends_freshness, "windows")                                                                                \
    X(windows_end, "windows")                                                                                        \
    X(lapsed_is_not_invalidated, "windows,bad_load")                                                                 \
    X(failed_refreshes_change_nothing, "windows,bad_load")                                                           \
    X(versions_only_grow, "versions,lag")                                                                            \
    X(doubtful_fills_end_soon, "settle,lag")                                                                         \
    X(outdated_loads_go_again, "versions,lag")                                                                       \
    X(one_refreshes, "early")                                                                                        \
    X(pauses_hold, "pauses,bad_load")                                                                                \
    X(pauses_grow, "pauses,bad_load")                                                                                \
    X(stale_values_end, "")                                                                                          \
    X(server_clock, "")                                                                                              \
    X(peek_other_epoch, "failover")                                                                                  \
    X(acquire_other_epoch, "failover")                                                                               \
    X(acquire_unknown_epoch, "failover,foreign")                                                                     \
    X(leases_of_another_process_store_nothing, "failover")                                                           \
    X(a_token_for_each_attempt, "cut,late,spike")                                                                    \
    /* of the engine */                                                                                              \
    X(a_token_for_each_request, "cut,late,slow_load")                                                                \
    X(refused_fetches_load, "full")                                                                                  \
    X(strong_takes_what_is_stored, "")                                                                               \
    X(strong_gets_nothing_stale, "")                                                                                 \
    X(strong_needs_an_epoch, "failover,foreign")                                                                     \
    X(strong_waiters_read_the_primary, "behind")                                                                     \
    X(late_joiners_are_served, "")                                                                                   \
    X(nobody_waits_for_himself, "threads")                                                                           \
    X(leases_are_used, "")                                                                                           \
    X(changes_meanwhile_count, "")                                                                                   \
    X(late_joiners_go_again, "")                                                                                     \
    X(hard_timeouts_end_waiting, "timeouts,slow_load")                                                               \
    X(soft_timeouts_serve, "timeouts,windows,slow_load")                                                             \
    X(unused_leases_pause_nothing, "pauses,bad_load,cancel,threads")                                                 \
    X(own_windows_end, "windows")                                                                                    \
    X(late_joiners_see_for_themselves, "windows,slow_load")                                                          \
    X(errors_are_covered, "windows,bad_load")                                                                        \
    X(kept_bounds_end, "")                                                                                           \
    X(failed_loads_serve_within_bounds, "bad_load")                                                                  \
    X(failed_loads_give_the_lease_back, "bad_load")                                                                  \
    X(leases_are_renewed, "slow_load")                                                                               \
    X(leases_of_others_are_trusted, "")                                                                              \
    X(locks_are_renewed, "slow_load")                                                                                \
    X(late_locks_are_given_back, "cancel")                                                                           \
    X(own_writes_are_seen, "")                                                                                        \
    X(lost_locks_are_told, "pause")                                                                                 \
    X(deadlines_wait_for_loaders, "")                                                                                \
    X(deadlines_wait_for_all_loaders, "threads,slow_load")                                                           \
    X(ended_ops_give_their_load_up, "cancel,threads")                                                                \
    /* of the way to the server that has the key */                                                                  \
    X(who_is_sent_to_ask_says_so, "move")                                                                            \
    X(what_may_pass_is_waited_for, "move")                                                                           \
    X(unknown_scripts_are_sent, "forget")                                                                            \
    X(connections_end_with_their_history, "move,failover")                                                           \
    /* of whoever drives it */                                                                                       \
    X(acknowledged_is_replicated, "failover,behind")                                                                 \
    X(the_database_looks_at_fences, "pause")                                                                        \
    X(strong_reads_the_primary, "behind")                                                                            \
    X(freed_ops_give_their_refresh_up, "abandon,threads")                                                            \
    /* of whoever runs the cluster */                                                                                \
    X(who_has_not_heard_is_cut_off, "move,failover")                                                                 \
    X(who_was_outlived_gets_no_slot_back, "move,failover")

enum mutation {
    MUTATION_none,
#define MUTATION_NUMBER(name, faults) MUTATION_##name,
    MUTATIONS(MUTATION_NUMBER)
#undef MUTATION_NUMBER
    MUTATION_COUNT
};

/* The one that is off. */
extern enum mutation mutation_off;

#endif
