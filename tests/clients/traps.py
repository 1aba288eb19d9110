"""The traps of Flight SQL, what each is about, and the tests that walk into it.

test_traps.py checks that every test named here exists; a trap without one is not closed.
"""

from __future__ import annotations

from typing import NamedTuple


class Trap(NamedTuple):
    """One trap."""

    phrase: str
    tests: tuple[str, ...]
    """`file::function`, of pytest; the file as seen from `tests`."""


TRAPS: dict[int, Trap] = {
    1: Trap(
        "prepare, GetFlightInfo, GetSchema and DoGet have one schema, always nullable",
        (
            "clients/test_surface.py::test_flight_info_schema_and_stream_agree",
            "clients/test_raw_grpc.py::test_an_answer_has_the_schema_that_was_announced_everywhere",
            "clients/test_adbc.py::test_schemas_of_prepare_info_and_stream_are_equal",
            "clients/test_pyarrow_flight.py::test_info_and_stream_agree",
            "clients/test_jdbc_parameters.py::test_the_columns_are_known_before_the_values",
        ),
    ),
    2: Trap(
        "only layouts that every client reads",
        (
            "clients/test_plain_layouts.py::test_announced_types_are_plain",
            "clients/test_plain_layouts.py::test_batches_are_plain",
            "clients/test_surface.py::test_enumerations_arrive_as_plain_text_at_any_depth",
            "clients/test_adbc_low_level.py::test_every_row_of_every_type_arrives",
            "clients/test_pyarrow_flight.py::test_every_type_that_is_announced_can_be_read",
            "clients/test_polars.py::test_every_type_arrives",
            "clients/test_jdbc_results.py::test_a_value_of_every_type_is_read",
        ),
    ),
    3: Trap(
        "a change is never silently not made",
        (
            "clients/test_traps.py::test_a_change_through_adbcs_execute_is_made_or_refused",
            "clients/test_adbc.py::test_an_insert_is_never_silent",
            "clients/test_jdbc_statements.py::test_a_write_is_never_silent",
            "clients/test_raw_grpc.py::test_a_change_is_never_asked_for_as_rows",
        ),
    ),
    4: Trap(
        "side effects exactly once: an answer may be fetched never, or twice",
        (
            "clients/test_traps.py::test_planning_a_change_makes_none_and_sending_it_makes_one",
            "clients/test_traps.py::test_an_answer_may_be_fetched_never_or_twice",
            "clients/test_surface.py::test_changes_run_where_a_source_is_writable_and_nowhere_else",
            "integration/writes/test_statements.py::test_a_change_sent_as_a_query_is_refused_and_changes_nothing",
            "faults/test_workers_lost.py::test_a_lost_change_is_in_doubt_and_not_made_again",
        ),
    ),
    5: Trap(
        "parameters that are missing, too many or of a wrong type are named; ten and more keep their order",
        (
            "clients/test_raw_grpc.py::test_parameters_that_do_not_fit_are_refused_in_words",
            "clients/test_raw_grpc.py::test_unbound_parameters_are_named",
            "clients/test_adbc.py::test_a_missing_value_names_the_parameter",
            "clients/test_adbc.py::test_a_value_of_a_wrong_type_names_the_parameter",
            "clients/test_adbc.py::test_a_wrong_number_of_values_is_refused",
            "clients/test_adbc.py::test_parameters_keep_their_order_beyond_ten",
            "clients/test_jdbc_parameters.py::test_twelve_parameters_keep_their_order",
            "clients/test_jdbc_parameters.py::test_a_parameter_without_a_type_is_text",
            "clients/test_jdbc_parameters.py::test_a_parameter_has_the_type_of_what_it_is_compared_with",
        ),
    ),
    6: Trap(
        "a change comes without a schema message, a prepared one with a batch of no columns",
        (
            "clients/test_traps.py::test_a_prepared_change_takes_a_batch_without_columns",
            "clients/test_surface.py::test_changes_run_where_a_source_is_writable_and_nowhere_else",
        ),
    ),
    7: Trap(
        "SqlInfo's union members; column metadata that JDBC reads, and REMARKS where it renames no column",
        (
            "clients/test_traps.py::test_every_code_of_the_server_information_has_the_member_that_drivers_read",
            "clients/test_metadata.py::test_server_information_has_a_row_for_each_code_that_is_asked_for",
            "clients/test_metadata.py::test_table_schemas_say_what_flight_sql_says_of_columns",
            "clients/test_jdbc_metadata.py::test_limits_are_whole_numbers_and_never_negative",
            "clients/test_jdbc_metadata.py::test_every_method_answers",
            "clients/test_jdbc_results.py::test_remarks_do_not_rename_columns",
            "clients/test_jdbc_results.py::test_labels_types_precision_and_scale",
        ),
    ),
    8: Trap(
        "an absent catalog is all, an empty one those without; patterns have an escape",
        (
            "clients/test_metadata.py::test_an_absent_catalog_means_all_and_an_empty_one_those_without",
            "clients/test_metadata.py::test_patterns_have_wildcards_and_a_backslash_against_them",
            "clients/test_jdbc_metadata.py::test_patterns_have_an_escape",
            "clients/test_surface_metadata.py::test_empty_names_are_those_of_nothing",
        ),
    ),
    9: Trap(
        "messages that clients take without a setting; 64 KiB of headers",
        (
            "clients/test_raw_grpc.py::test_an_answer_is_cut_into_frames_that_any_client_takes",
            "clients/test_foreign_service.py::test_a_large_answer_comes_in_messages_that_grpc_takes_by_default",
            "clients/test_adbc.py::test_a_cell_of_eight_mebibytes_arrives",
            "clients/test_adbc.py::test_a_cell_larger_than_clients_take_is_a_clear_error",
            "clients/test_traps.py::test_64_kibibytes_of_headers_pass",
            "clients/test_jdbc_connect.py::test_options_that_the_driver_does_not_know_go_as_headers",
        ),
    ),
    10: Trap(
        "errors: short, printable, coded, with a word on whether trying again helps",
        (
            "security/test_error_walk.py::test_every_error_keeps_to_the_rules_whatever_its_text_is",
            "security/test_error_walk.py::test_every_error_reaches_a_client_as_it_was_made",
            "security/test_errors.py::test_errors_of_statements_are_short_and_tell_nothing_of_the_inside",
            "unit/test_flight_statuses.py::test_messages_fit_into_a_header_and_keep_the_query_id",
            "clients/test_raw_grpc.py::test_an_error_names_code_reason_and_query_and_has_no_traceback",
            "clients/test_adbc_low_level.py::test_an_error_has_details_for_programs",
            "clients/test_jdbc_statements.py::test_an_error_shows_its_code_and_the_query_id",
        ),
    ),
    11: Trap(
        "a client that pings through a long silence stays connected",
        (
            "clients/test_keepalive.py::test_pings_through_a_silence_end_no_connection",
            "clients/test_keepalive.py::test_a_client_that_pings_every_ten_seconds_stays_connected_through_seventy_silent_ones",
        ),
    ),
    12: Trap(
        "tokens that are altered, foreign, expired or another's are refused alike; good ones work on any replica",
        (
            "security/test_sealed.py::test_whatever_is_wrong_with_a_token_is_refused_alike",
            "clients/test_credentials.py::test_a_ticket_is_good_on_another_replica_and_a_handle_too",
            "clients/test_replicas.py::test_each_step_of_a_statement_may_go_to_another_replica",
            "clients/test_replicas.py::test_the_tickets_of_a_killed_replica_are_good_on_the_others",
            "unit/test_flight_tickets.py::test_every_flipped_bit_is_noticed",
            "unit/test_flight_prepared.py::test_values_are_capped_together",
        ),
    ),
    13: Trap(
        "a cancel, a deadline and a lost client free the sources within a second",
        (
            "clients/test_traps_endings.py::test_the_sources_are_free_within_a_second",
            "clients/test_traps_endings.py::test_a_hundred_ended_calls_leave_nothing",
            "clients/test_load.py::test_cancel_deadline_and_a_client_that_goes_free_the_statement",
            "clients/test_adbc.py::test_cancel_stops_a_statement_that_has_not_answered_yet",
            "clients/test_jdbc_statements.py::test_cancel_frees_the_source",
        ),
    ),
    14: Trap(
        "what is too much is refused at once, and health answers all the same",
        (
            "clients/test_load.py::test_streams_above_the_limit_are_refused_at_once_and_the_rest_goes_on",
            "clients/test_load.py::test_health_answers_while_logins_are_being_guessed",
            "clients/test_load.py::test_strangers_that_send_nothing_hold_no_thread",
            "unit/test_execution_admission.py::test_beyond_the_queue_it_refuses_at_once",
        ),
    ),
    15: Trap(
        "no FROM, no rows, no columns, names twice, 2,000 columns",
        (
            "clients/test_adbc.py::test_schemas_of_prepare_info_and_stream_are_equal",
            "clients/test_traps.py::test_an_answer_without_columns_is_one",
            "clients/test_jdbc_statements.py::test_two_thousand_columns",
            "clients/test_jdbc_statements.py::test_duplicate_names_are_told_apart_by_position",
            "clients/test_jdbc_statements.py::test_an_empty_answer_has_its_columns",
            "clients/test_pandas.py::test_an_empty_answer_has_its_columns",
        ),
    ),
    16: Trap(
        "TABLE, BASE TABLE and table are one",
        (
            "clients/test_metadata.py::test_table_types_are_known_by_all_their_names",
            "clients/test_jdbc_metadata.py::test_table_types",
            "clients/test_sqlalchemy.py::test_the_inspector_lists_no_tables_as_the_dialect_compares_in_lower_case",
        ),
    ),
}
