"""The configuration: one YAML file, read once into one frozen value that each room's own section is part of.

Everything wrong with a file is reported at once, each by the path of its key. Relative paths in the file are relative
to the working directory.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from auth.access import AccessConfig
from auth.authenticator import AuthConfig
from connectors.registry import SourceConfig
from server import config_text
from server.config_errors import Invalid
from server.config_problems import problems
from server.execution.limits import LimitsConfig
from server.flight.tickets import TicketsConfig
from server.flight.tls import TlsConfig
from watersmeet.units import Duration

RESERVED = frozenset({"system", "information_schema"})
"""Names that mean something else in SQL than a source."""


def _source_name(name: str) -> str:
    if name.lower() in RESERVED:
        raise ValueError(f"a source cannot be called {name}: SQL has another meaning for it")
    return name


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    bare = host.startswith("[") and host.endswith("]") or ":" not in host
    if not (host and bare and port.isascii() and port.isdecimal() and int(port) < 65536):
        raise ValueError("write host:port, or [IPv6 address]:port; port 0 takes a free one")
    return value


Address = Annotated[str, AfterValidator(_address)]
SourceName = Annotated[
    str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$"), AfterValidator(_source_name)
]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)


class ServerConfig(_Section):
    """Section `server`."""

    listen: Address = "127.0.0.1:32010"
    """host:port of Flight SQL. 0.0.0.0 is every interface, port 0 a free one."""
    workers: int = Field(default=2, ge=0, le=64)
    """Processes that plan and run queries beside the server's own, and divide its limits among them. 0: queries run in
    the server's own process, and one that crashes takes it along."""
    drain: Duration = 30.0
    """How long running queries may take to end after SIGTERM."""
    tls: TlsConfig | None = None
    """Certificate and key; without them the port speaks plain text."""


class PlannerConfig(_Section):
    """Section `planner`."""

    pushdown: Literal["on", "off", "require"] = "on"
    """Whether sources are sent more than plain reads; `require`: an error unless one source answers the whole
    statement. A session may SET its own."""
    semijoin_keys: int = Field(default=200_000, ge=0, le=9_999_999)
    """How many distinct keys of one source's rows may be sent to another source at most, so that it sends matching rows
    only. 0: never any. A session may SET its own."""


class Config(_Section):
    """The whole file."""

    version: Literal[1]
    """Of the file's format."""
    server: ServerConfig = ServerConfig()
    sources: Mapping[SourceName, SourceConfig] = {}
    """By the name of the catalog that the source becomes."""
    auth: AuthConfig = AuthConfig()
    tickets: TicketsConfig = TicketsConfig()
    access: AccessConfig | None = None
    """Who may see what. Without it everybody who is authenticated sees everything."""
    limits: LimitsConfig = LimitsConfig()
    planner: PlannerConfig = PlannerConfig()


def load(path: Path) -> Config:
    """Read a configuration file. Raises ConfigError."""
    return parse(config_text.read(path))


def parse(text: str) -> Config:
    """The configuration that a YAML text stands for. Raises ConfigError."""
    data = config_text.data(text)
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        raise Invalid("\n".join(problems(error, Config))) from None


def schema() -> dict[str, Any]:
    """The JSON Schema of the file."""
    return Config.model_json_schema()
