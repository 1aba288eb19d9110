"""The configuration file: what is read, and what is said about what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.commands.init import TEMPLATE
from server.config import load, parse, schema
from server.config_errors import ConfigError, Invalid, Unreadable

HEAD = "version: 1\n"
ROOT = Path(__file__).parents[2]


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(HEAD + text)
    return str(caught.value)


def test_a_version_is_enough() -> None:
    config = parse(HEAD)
    assert config.server.listen == "127.0.0.1:32010"
    assert not config.sources
    assert not config.auth.anonymous


def test_a_source_is_read_by_its_kind() -> None:
    config = parse(HEAD + "sources: {lake: {kind: duckdb, path: lake.duckdb}}")
    assert config.sources["lake"].kind == "duckdb"


def test_sizes_and_durations_have_units() -> None:
    config = parse(HEAD + "server: {drain: 2m}\nlimits: {memory: 512MiB, statement_timeout: 500ms}")
    assert (config.server.drain, config.limits.memory, config.limits.statement_timeout) == (120.0, 512 * 2**20, 0.5)


@pytest.mark.parametrize("word", ["on", "off", "require"])
def test_on_and_off_are_words(word: str) -> None:
    assert parse(HEAD + f"planner: {{pushdown: {word}}}").planner.pushdown == word


def test_true_is_still_a_boolean() -> None:
    assert parse(HEAD + "auth: {anonymous: true}").auth.anonymous


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sorces: {}", "sorces: no such key; did you mean sources?"),
        ("server: {lisen: ':1'}", "server.lisen: no such key; did you mean listen?"),
        (
            "sources: {lake: {kind: duckdb, path: x, treads: 2}}",
            "sources.lake.treads: no such key; did you mean threads?",
        ),
        (
            "auth: {tokens: {issuer: a, audience: b, keys: [{kid: k, algoritm: x}]}}",
            "auth.tokens.keys[0].algoritm: no such",
        ),
        ("access: {roles: {ana: {alow: []}}}", "access.roles.ana.alow: no such key; did you mean allow?"),
    ],
)
def test_an_unknown_key_is_refused_with_its_path_and_the_nearest_name(text: str, said: str) -> None:
    assert said in refused(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("server: {admin: '127.0.0.1:32011'}", "server.admin: no such key"),
        ("auth: {tokens: {issuer: a, audience: b, jwks_url: x, keys: []}}", "auth.tokens.jwks_url: no such key"),
    ],
)
def test_what_this_version_cannot_do_is_not_accepted_silently(text: str, said: str) -> None:
    assert said in refused(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("server: {listen: '32010'}", "server.listen: write host:port"),
        ("server: {listen: '::1:32010'}", "server.listen: write host:port"),
        ("server: {listen: 'localhost:99999'}", "server.listen: write host:port"),
        ("sources: {lake: {kind: duckdb}}", "sources.lake.path: this key is needed"),
        ("sources: {lake: {kind: oracle}}", "sources.lake.kind: no such kind; known: postgres, mysql, duckdb"),
        ("sources: {lake: {path: x}}", "sources.lake.kind: this key is needed: one of postgres, mysql, duckdb"),
        ("sources: {lake: }", "sources.lake: this is a section: its keys follow, indented"),
        ("sources:", "sources: this is a section: its keys follow, indented"),
        ("auth:", "auth: this is a section: its keys follow, indented"),
        ("sources: {2024: {kind: duckdb, path: x}}", "sources.2024: a name is text: write it in quotes"),
        ("sources: {'': {kind: duckdb, path: x}}", "as a name: "),
        ("sources: {System: {kind: duckdb, path: x}}", "a source cannot be called System"),
        ("limits: {memory: much}", "limits.memory: "),
        ("planner: {pushdown: true}", "planner.pushdown: "),
        ("version: 2", "the key version is given twice"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(text: str, said: str) -> None:
    assert said in refused(text)


def test_all_problems_are_said_at_once() -> None:
    assert len(refused("server: {listen: x, drain: soon}\nsorces: {}").splitlines()) == 3


def test_a_reference_is_filled_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WM_LAKE", "lake")
    ending = tmp_path / "ending"
    ending.write_text("duckdb\n")
    config = parse(HEAD + f'sources: {{lake: {{kind: duckdb, path: "/data/${{ENV:WM_LAKE}}.${{FILE:{ending}}}"}}}}')
    assert str(getattr(config.sources["lake"], "path")) == "/data/lake.duckdb"  # noqa: B009 - not every kind has one


def test_a_reference_cannot_change_the_structure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WM_EVIL", "x}}\nauth: {anonymous: true}\n# ${ENV:HOME}")
    config = parse(HEAD + "sources: {lake: {kind: duckdb, path: '${ENV:WM_EVIL}'}}")
    assert not config.auth.anonymous


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("${ENV:WM_NOT_SET}", "sources.lake.path: the environment variable WM_NOT_SET is not set"),
        ("${FILE:/nowhere/at/all}", "sources.lake.path: cannot read the file /nowhere/at/all: no such file"),
        ("${HOME}", "sources.lake.path: ${HOME} is neither ${ENV:NAME} nor ${FILE:path}"),
    ],
)
def test_a_reference_that_means_nothing_is_an_error_with_its_path(reference: str, said: str) -> None:
    assert said in refused(f"sources: {{lake: {{kind: duckdb, path: '{reference}'}}}}")


@pytest.mark.parametrize(
    "text",
    [
        "auth: {tokens: {issuer: a, audience: b, keys: [{kid: k, algorithm: HS256, secret: canary}]}}",
        "auth: {users: [{name: ana, password_hash: canary}]}",
        "tickets: {keys: [{kid: k, secret: canary}]}",
        "sources: {crm: {kind: mysql, url: 'canary'}}",
        "sources: {crm: {kind: mysql, url: 'mysql://ana:canary@host:port/'}}",
        "sources: {crm: {kind: postgres, url: 'canary'}}",
    ],
)
def test_no_error_shows_a_secret(text: str) -> None:
    assert "canary" not in refused(text)


def test_a_configuration_shows_no_secret() -> None:
    text = TEMPLATE.format(token_key="canary" * 6, ticket_key="canary" * 6)
    assert "canary" not in repr(parse(text))


@pytest.mark.parametrize("text", ["", "- a\n", "version: [\n", "a: &a [*a]\n", "\x00", "[" * 1500])
def test_what_is_no_mapping_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        parse(text)


def test_a_file_that_is_not_there_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="no such file"):
        load(tmp_path / "none.yaml")


def test_a_version_from_the_future_is_refused() -> None:
    with pytest.raises(Invalid, match="version: "):
        parse("version: 2\n")


def test_the_sample_configuration_of_deploy_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALES_URL", "postgresql://reader:reader@postgres:5432/sales")
    monkeypatch.setenv("CRM_URL", "mysql://reader:reader@mysql:3306/crm")
    assert set(load(ROOT / "deploy" / "watersmeet.yaml").sources) == {"sales", "crm"}


def test_the_template_names_every_key() -> None:
    """`watersmeet init` is the first reference that people read."""
    definitions = schema()["$defs"]
    owned = ("ServerConfig", "AuthConfig", "TokensConfig", "TicketsConfig", "LimitsConfig", "PlannerConfig")
    names = {name for section in owned for name in definitions[section]["properties"]}
    assert {name for name in names | set(schema()["properties"]) if f"{name}:" not in TEMPLATE} == set()
