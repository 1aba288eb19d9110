"""The configuration of a MySQL source: what is accepted, and errors that quote nothing secret."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from connectors.mysql.config import Config, address
from connectors.mysql.dialect import dialect


def configured(url: str, **settings: object) -> Config:
    return Config.model_validate({"url": url, **settings})


def test_the_url_is_taken_apart_and_decoded() -> None:
    parts = address(configured("mysql://us%40er:p%2Fw%3A@db.example:3307/shop").url)
    assert (parts.user, parts.password, parts.host, parts.port, parts.database) == (
        "us@er",
        b"p/w:",
        "db.example",
        3307,
        "shop",
    )


@pytest.mark.parametrize(
    "url", ["postgres://u:hunter2@h/", "mysql://h/db", "mysql://u:hunter2@h:x/", "mysql://u:hunter2@h/db?ssl=1", ""]
)
def test_a_url_that_does_not_fit_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        configured(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("text", "seconds"), [("5m", 300.0), ("250ms", 0.25), (7, 7.0), ("1h", 3600.0)])
def test_durations_carry_units(text: str | int, seconds: float) -> None:
    assert configured("mysql://u@h/", connect_timeout=text).connect_timeout == seconds


@pytest.mark.parametrize(
    "wrong", [{"pool": 0}, {"numeric": "decimal(39,2)"}, {"numeric": "float"}, {"zero_dates": "x"}, {"poool": 8}]
)
def test_what_is_unknown_or_out_of_range_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        configured("mysql://u@h/", **wrong)


def test_the_dialect_follows_the_facts() -> None:
    old = dialect({"product": "mysql", "version": "8.0.28"})
    new = dialect({"product": "mysql", "version": "8.4.0"})
    assert "utf8mb4_0900_bin" in old.text_equal
    assert "except" not in old.set_operations
    assert "except" in new.set_operations
    assert dialect({"product": "mariadb", "version": "10.11.2-MariaDB", "text": "source"}).text_equal == "{0}"
