"""The command line: what it takes, and exit codes. What a command does is in server/commands, one file each.

Exit codes: 0 ok, 1 the query or check failed, 2 bad usage, 3 cannot reach the server. Errors go to stderr with their
code, never with a traceback.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from pathlib import Path

from server.client.failure import CommandFailed
from server.logs import LEVELS
from watersmeet import __version__

DEFAULT_FILE = "watersmeet.yaml"
DEFAULT_URL = "grpc://localhost:32010"
TOKEN_VARIABLE = "WATERSMEET_TOKEN"
FORMATS = ("table", "csv", "json", "arrow")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(arguments)
    # A command's module is imported when it is asked for: --help and --version need no engine (30 ms, not 600).
    command = importlib.import_module(f"server.commands.{options.command}")
    try:
        return int(command.run(options))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read our output has gone (| head). Nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except Exception as error:  # noqa: BLE001 - a command line ends with a message, whatever happened
        return _failed(error, options.debug)


def _failed(error: Exception, debug: bool) -> int:
    """Report what ended a command; the exit code."""
    code = getattr(error, "code", None)
    if isinstance(error, CommandFailed):
        text = str(error)
    elif isinstance(code, int):
        text = f"WM-{code}: {error}"
    else:
        text = f"WM-9001: an error inside watersmeet ({type(error).__name__}); --debug shows where"
    print(text, file=sys.stderr)
    if debug:
        import traceback

        traceback.print_exception(error)
    return error.exit_code if isinstance(error, CommandFailed) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="watersmeet", description="A stateless Arrow Flight SQL federation server.")
    parser.add_argument("--version", action="version", version=f"watersmeet {__version__}")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="sample sources, the server, and federated queries; nothing is kept")
    demo.add_argument("--once", action="store_true", help="end after the answers instead of waiting for Ctrl-C")
    demo.add_argument("--port", type=_port, help="where the server listens (default: 32010, or a free one)")

    init = commands.add_parser("init", help=f"write a commented {DEFAULT_FILE}")
    init.add_argument("file", nargs="?", type=Path, default=Path(DEFAULT_FILE))

    serve = commands.add_parser("serve", help="run the server; SIGTERM drains it, a second one ends it at once")
    _config(serve)
    serve.add_argument("--log-format", choices=("text", "json"), default="text")
    serve.add_argument("--log-level", choices=LEVELS, default="info")

    check = commands.add_parser("check", help="validate the configuration and connect to each source")
    what = check.add_mutually_exclusive_group()
    _config(what)
    what.add_argument("--schema", action="store_true", help="print the configuration's JSON Schema and end")
    check.add_argument(
        "--calibrate", action="store_true", help="measure the sources' speeds and store them in the configuration"
    )
    check.add_argument("--offline", action="store_true", help="connect to nothing")

    sources = commands.add_parser("sources", help="the sources: reachability, latency, tables")
    _config(sources)

    query = commands.add_parser("query", help="run SQL on a running server, or in process with -c")
    _statement(query)
    query.add_argument("--format", choices=FORMATS, default="table")

    explain = commands.add_parser("explain", help="show what EXPLAIN shows: what goes to which source, and why not")
    _statement(explain)
    explain.add_argument("--analyze", action="store_true", help="run the query and show what it took")
    how = explain.add_mutually_exclusive_group()
    how.add_argument("--format", choices=("text", "json"), default="text")
    how.add_argument("--stages", action="store_true", help="show the SQL after each stage of the planner")
    how.add_argument("--graph", type=Path, metavar="FILE", help="write a picture: FILE.svg, or FILE.mmd for Mermaid")

    token = commands.add_parser("token", help="bearer tokens").add_subparsers(dest="action", required=True)
    create = token.add_parser("create", help="sign a bearer token with the configured key")
    _config(create)
    create.add_argument("--subject", required=True, help="whom the token stands for")
    create.add_argument("--role", action="append", default=[], metavar="ROLE", help="may be given several times")
    create.add_argument("--ttl", default="8h", help="how long it lives: 30m, 8h, 7d (default: 8h)")
    return parser


def _config(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("-c", "--config", type=Path, default=Path(DEFAULT_FILE), help=f"default: {DEFAULT_FILE}")


def _statement(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sql", metavar="SQL", help="the statement; - reads it from stdin")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", default=DEFAULT_URL, help=f"grpc://host:port, grpc+tls://host:port ({DEFAULT_URL})")
    where.add_argument("-c", "--config", type=Path, help="run it in this process, with the sources of this file")
    parser.add_argument("--token", default=os.environ.get(TOKEN_VARIABLE), help=f"bearer token (or {TOKEN_VARIABLE})")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) < 65536):
        raise argparse.ArgumentTypeError("a port is a number below 65536")
    return int(text)
