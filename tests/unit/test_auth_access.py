"""Passwords, principals and who may see what."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta

import pytest
from pydantic import ValidationError

from auth.access import Access, AccessConfig
from auth.authenticator import AuthConfig, Authenticator
from auth.errors import AuthError, InvalidToken, WrongPassword
from auth.passwords import Passwords, UserConfig, hash_password
from auth.principal import Principal

ANA = UserConfig(name="ana", password_hash=hash_password("correct horse"), roles=("analyst",))


def _access(**roles: list[str]) -> Access:
    return Access(AccessConfig.model_validate({"roles": {role: {"allow": allow} for role, allow in roles.items()}}))


def _visible(access: Access, name: str, *roles: str) -> bool:
    return access.visible(Principal(subject="ana", roles=frozenset(roles)), *name.split("."))


def test_without_a_section_everything_is_visible() -> None:
    assert _visible(Access(None), "any.schema.table")


def test_with_a_section_what_no_pattern_covers_is_denied() -> None:
    access = _access(analyst=["sales.*.*", "crm.crm.customers"], clerk=["crm.crm.o*s"])
    assert _visible(access, "sales.a.b", "analyst")
    assert _visible(access, "crm.crm.customers", "analyst")
    assert not _visible(access, "crm.crm.orders", "analyst")
    assert _visible(access, "crm.crm.orders", "analyst", "clerk")
    assert not _visible(access, "sales.a.b", "clerk")
    assert not _visible(access, "sales.a.b")
    assert not _visible(access, "sales.a.b", "unknown")
    assert not _visible(_access(), "sales.a.b", "analyst")


@pytest.mark.parametrize(
    ("pattern", "name", "visible"),
    [
        ("a.b.c", ("a", "b", "c"), True),
        ("a.b.c", ("A", "b", "c"), False),
        ("a.*.c", ("a", "x.y", "c"), True),
        ("*.*.*", ("a", "b\nc", "d"), True),
        ("a.b.*", ("a", "b", ""), True),
        ("a.b.c*", ("a", "b", "bc"), False),
        ('"a.b".c.d', ("a.b", "c", "d"), True),
        ('"a*".c.d', ("ab", "c", "d"), False),
        ('"a""b".c.d', ('a"b', "c", "d"), True),
        ("a+.b.c", ("aa", "b", "c"), False),
        ("a|x.b.c", ("a", "b", "c"), False),
        ("a.b.c", ("a", "b.c", ""), False),
    ],
)
def test_patterns_match_part_by_part(pattern: str, name: tuple[str, str, str], visible: bool) -> None:
    principal = Principal(subject="ana", roles=frozenset({"r"}))
    assert _access(r=[pattern]).visible(principal, *name) is visible


@pytest.mark.parametrize("pattern", ["", "a", "a.b", "a.b.c.d", "a..c", ".b.c", "a.b.", "a.b.c.", '"a.b.c', 'a"b".c.d'])
def test_patterns_that_are_not_three_parts_are_refused_at_start(pattern: str) -> None:
    with pytest.raises(ValidationError, match=r"catalog\.schema\.table"):
        _access(r=[pattern])


@pytest.mark.parametrize("later", ["row_filters", "masks", "native"])
def test_rules_that_are_not_enforced_are_refused(later: str) -> None:
    with pytest.raises(ValidationError):
        AccessConfig.model_validate({"roles": {"r": {"allow": [], later: {}}}})


def test_the_right_password_is_the_user() -> None:
    principal = Passwords([ANA]).verify("ana", "correct horse")
    assert principal == Principal(subject="ana", roles=frozenset({"analyst"}))


@pytest.mark.parametrize(
    ("user", "password"),
    [("ana", "wrong"), ("ana", ""), ("nobody", "correct horse"), ("", ""), ("ana", "x" * 10_000), ("ana", "\udc80")],
)
def test_wrong_users_and_wrong_passwords_get_the_same_answer(user: str, password: str) -> None:
    with pytest.raises(WrongPassword) as caught:
        Passwords([ANA]).verify(user, password)
    assert str(caught.value) == "unknown user or wrong password"


def test_an_unknown_user_takes_as_much_work_as_a_known_one() -> None:
    passwords = Passwords([ANA])

    def taken(user: str) -> float:
        started = time.process_time()
        with pytest.raises(WrongPassword):
            passwords.verify(user, "wrong")
        return time.process_time() - started

    known, unknown = ([taken(user) for _ in range(7)] for user in ("ana", "nobody"))
    assert 0.5 < statistics.median(unknown) / statistics.median(known) < 2


@pytest.mark.parametrize(
    "hash_",
    ["plain", "$argon2i$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "$2b$12$abcdefghijklmnopqrstuv", ""],
)
def test_other_hashes_are_refused_at_start(hash_: str) -> None:
    with pytest.raises(ValidationError, match="argon2"):
        UserConfig(name="ana", password_hash=hash_)


@pytest.mark.parametrize("name", ["", "a:b", "a\nb", "x" * 300])
def test_names_that_cannot_log_in_are_refused_at_start(name: str) -> None:
    with pytest.raises(ValidationError):
        UserConfig(name=name, password_hash=ANA.password_hash)


def test_a_login_becomes_a_token_of_the_same_principal() -> None:
    authenticator = Authenticator(AuthConfig(users=(ANA,)))
    token = authenticator.issue(authenticator.authenticate_basic("ana", "correct horse"))
    principal = authenticator.authenticate_bearer(token)
    assert principal.subject == "ana" and principal.roles == {"analyst"}


def test_a_token_never_outlives_the_credentials_that_it_was_given_for() -> None:
    authenticator = Authenticator(AuthConfig())
    soon = Principal(subject="ana", expires=time.time() + 60)
    principal = authenticator.authenticate_bearer(authenticator.issue(soon, timedelta(days=1)))
    assert principal.expires is not None and principal.expires <= time.time() + 60


def test_without_configuration_nobody_gets_in() -> None:
    authenticator = Authenticator(AuthConfig())
    with pytest.raises(WrongPassword):
        authenticator.authenticate_basic("ana", "correct horse")
    with pytest.raises(InvalidToken):
        authenticator.authenticate_bearer("junk")
    assert not authenticator.anonymous


def test_two_users_of_one_name_are_refused_at_start() -> None:
    with pytest.raises(ValidationError, match="same name"):
        AuthConfig(users=(ANA, ANA))


def test_codes_are_unique() -> None:
    kinds: list[type[AuthError]] = [AuthError, *AuthError.__subclasses__()]
    assert len({kind.code for kind in kinds}) == len(kinds)
