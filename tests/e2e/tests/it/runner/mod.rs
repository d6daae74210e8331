//! Runners, as their operators and their victims meet them: the real program against the real service.

mod deaths;
mod limits;
mod runs;
pub(crate) mod scene;

use deaths::*;
use limits::*;
use runs::*;

countersign_e2e::on_every_database! {
    a_runner_runs_what_was_approved_once_its_requester_asks_for_it,
    a_program_that_fails_says_so_with_its_exit_code,
    output_leaves_the_machine_masked_in_pieces_and_within_its_limits,
    a_guardrail_withholds_output,
    the_time_limit_ends_the_program_and_all_its_children,
    children_that_are_left_behind_end_with_the_program,
    a_runner_that_is_told_to_stop_finishes_what_it_has_begun,
    a_runner_that_is_told_twice_ends_the_program_and_reports_it,
    a_command_that_outlives_its_first_lease_is_kept_alive,
    killed_before_the_claim_another_runner_takes_it,
    killed_after_the_claim_nobody_runs_it,
    killed_during_the_program_it_is_unknown_and_not_run_again,
    killed_before_the_report_it_is_unknown_and_not_run_again,
    a_network_that_is_lost_in_the_middle_runs_nothing_twice,
    a_claim_whose_answer_is_lost_is_the_same_claim_again,
    other_bytes_than_those_that_were_approved_are_not_run,
    a_runner_starts_its_own_program_and_no_other,
    a_runners_token_opens_nothing_else_and_no_other_token_opens_this,
    pieces_of_output_come_in_their_order_from_the_holder_alone_and_may_come_again,
    a_connection_for_runners_is_not_everything,
}
