"""The surface of Flight SQL: each RPC, command and action of the specification, and the tests that call it.

test_traps.py checks that the rows are those of the .proto files, and that every test named here exists.
"""

from __future__ import annotations

_FLIGHT = "clients/test_surface.py::test_flight_info_schema_and_stream_agree"
_POLL = "clients/test_surface.py::test_poll_is_complete_at_once_and_refuses_what_cannot_be_planned"
_LISTS = "clients/test_surface.py::test_there_are_actions_and_no_flights_and_no_exchange"
_SCHEMAS = "clients/test_metadata.py::test_schemas_are_the_specifications_in_every_call"
_BIND = "clients/test_surface.py::test_a_prepared_statement_is_bound_by_new_handles"
_CHANGES = "clients/test_surface.py::test_changes_run_where_a_source_is_writable_and_nowhere_else"
_ABSENT = "clients/test_surface.py::test_substrait_and_transactions_are_not_here_and_the_server_says_so"
_ABSENT_ACTIONS = "clients/test_raw_grpc.py::test_actions_that_are_not_implemented_say_so"
_CANCEL = "clients/test_surface_cancel.py::test_a_cancel_stops_the_query_at_its_source"
_SESSION = "clients/test_surface.py::test_a_session_is_a_cookie_that_every_server_reads"
_PRIMARY = "clients/test_surface_metadata.py::test_primary_keys_are_the_sources"
_FOREIGN = "clients/test_surface_metadata.py::test_foreign_keys_are_told_from_both_sides"
_TABLES = "clients/test_metadata.py::test_tables_come_sorted_and_all_of_them_without_filters"
_SEEN = "clients/test_metadata.py::test_what_a_caller_may_not_see_is_not_there"

RPCS: dict[str, tuple[str, ...]] = {
    "Handshake": ("clients/test_surface.py::test_handshake_takes_a_password_and_a_token",),
    "GetFlightInfo": (_FLIGHT,),
    "PollFlightInfo": (_POLL, "clients/test_adbc.py::test_incremental_execution_is_complete_at_once"),
    "GetSchema": (_FLIGHT, _SCHEMAS),
    "DoGet": (_FLIGHT, "clients/test_traps.py::test_an_answer_may_be_fetched_never_or_twice"),
    "DoPut": (_BIND, _CHANGES),
    "DoAction": (_BIND, _CANCEL, _SESSION),
    "ListActions": (_LISTS, "clients/test_pyarrow_flight.py::test_actions_are_listed"),
    "ListFlights": (_LISTS,),
    "DoExchange": (_LISTS,),
}

COMMANDS: dict[str, tuple[str, ...]] = {
    "CommandStatementQuery": (_FLIGHT, _POLL),
    "CommandPreparedStatementQuery": (_BIND,),
    "CommandStatementUpdate": (_CHANGES, "clients/test_jdbc_writes.py::test_a_statement_tells_how_many_rows_it_met"),
    "CommandPreparedStatementUpdate": (
        _CHANGES,
        "clients/test_traps.py::test_a_prepared_change_takes_a_batch_without_columns",
    ),
    "CommandStatementIngest": (
        "clients/test_surface.py::test_ingest_has_four_modes",
        "clients/test_ingest_layouts.py::test_a_frame_of_polars_is_written",
        "clients/test_ingest_layouts.py::test_a_frame_of_pandas_is_written",
    ),
    "CommandStatementSubstraitPlan": (_ABSENT,),
    "CommandGetCatalogs": (_SCHEMAS, _SEEN, "clients/test_metadata_trees.py::test_adbc_shows_the_sources_as_catalogs"),
    "CommandGetDbSchemas": (_SCHEMAS, "clients/test_metadata.py::test_schema_patterns_filter_tables_and_schemas"),
    "CommandGetTables": (
        _SCHEMAS,
        _TABLES,
        _SEEN,
        "clients/test_surface_metadata.py::test_a_tables_schema_has_every_type_and_what_is_known_of_it",
    ),
    "CommandGetTableTypes": (_SCHEMAS, "clients/test_jdbc_metadata.py::test_table_types"),
    "CommandGetPrimaryKeys": (_SCHEMAS, _PRIMARY),
    "CommandGetExportedKeys": (_SCHEMAS, _FOREIGN, "clients/test_jdbc_metadata.py::test_exported_keys"),
    "CommandGetImportedKeys": (_SCHEMAS, _FOREIGN, "clients/test_jdbc_metadata.py::test_imported_keys"),
    "CommandGetCrossReference": (_SCHEMAS, _FOREIGN, "clients/test_jdbc_metadata.py::test_cross_references"),
    "CommandGetXdbcTypeInfo": (_SCHEMAS, "clients/test_surface_metadata.py::test_every_type_that_is_told_of_is_one"),
    "CommandGetSqlInfo": (_SCHEMAS, "clients/test_surface_metadata.py::test_server_information_is_true_of_this_server"),
}

ACTIONS: dict[str, tuple[str, ...]] = {
    "CreatePreparedStatement": (_BIND, _CHANGES),
    "ClosePreparedStatement": (_BIND, "clients/test_raw_grpc.py::test_closing_is_never_an_error"),
    "CancelFlightInfo": (_CANCEL,),
    "CancelQuery": (_CANCEL,),
    "RenewFlightEndpoint": ("clients/test_surface.py::test_a_renewed_ticket_lasts_longer_and_means_the_same",),
    "SetSessionOptions": (_SESSION,),
    "GetSessionOptions": (_SESSION,),
    "CloseSession": (_SESSION,),
    "BeginTransaction": (_ABSENT, _ABSENT_ACTIONS),
    "EndTransaction": (_ABSENT, _ABSENT_ACTIONS),
    "BeginSavepoint": (_ABSENT, _ABSENT_ACTIONS),
    "EndSavepoint": (_ABSENT, _ABSENT_ACTIONS),
    "CreatePreparedSubstraitPlan": (_ABSENT, _ABSENT_ACTIONS),
}

BESIDE: dict[str, tuple[str, ...]] = {
    "grpc.health.v1.Health": (
        "clients/test_surface.py::test_health_answers_anybody",
        "clients/test_drain.py::test_a_server_that_ends_says_so_before_it_ends",
    ),
    "grpc.reflection.v1.ServerReflection": ("clients/test_surface.py::test_reflection_gives_all_that_a_client_needs",),
}
"""Services beside Flight's, by their full names."""

ROWS = RPCS | COMMANDS | ACTIONS | BESIDE
