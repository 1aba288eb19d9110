"""What statistics say of a column's values; statistics that are old, empty, contradictory or in disorder."""

from __future__ import annotations

import pickle
import time
from typing import Any

import pytest

from planner.distributions import Distribution, distribution, joined, key_of, like
from watersmeet.spi import Column


def known(type_: str = "INTEGER", **figures: Any) -> Distribution:
    found = distribution(Column(name="a", type=type_, **figures))
    assert found is not None
    return found


EVEN = known(distinct=100, bounds=("0", "25", "50", "75", "100"), null_fraction=0.2)


def test_rows_below_a_value_are_interpolated_between_bounds_without_the_nulls() -> None:
    assert EVEN.below(50.0, inclusive=False) == pytest.approx(0.4)
    assert EVEN.below(60.0, inclusive=False) == pytest.approx(0.8 * 0.6)
    assert (EVEN.below(-1.0, inclusive=True), EVEN.below(1e9, inclusive=False)) == (0.0, pytest.approx(0.8))


def test_bounds_in_disorder_say_the_same() -> None:
    mixed = known(distinct=100, bounds=("75", "0", "100", "50", "25"), null_fraction=0.2)
    assert mixed.bounds == EVEN.bounds


def test_a_common_value_has_its_own_share_and_others_share_the_rest() -> None:
    skewed = known(distinct=12, common=(("1", 0.5), ("2", 0.3)), null_fraction=0.1)
    assert skewed.equal(1.0) == 0.5
    assert skewed.equal(7.0) == pytest.approx(0.1 / 10)


def test_a_value_that_is_not_common_is_no_more_common_than_the_least_of_those() -> None:
    assert known(distinct=3, common=(("1", 0.1), ("2", 0.05))).equal(9.0) == 0.05


def test_common_values_count_below_a_value_once_it_is_passed() -> None:
    mixed = known(distinct=50, common=(("10", 0.5),), bounds=("0", "20"))
    assert mixed.below(10.0, inclusive=False) == pytest.approx(0.25)
    assert mixed.below(10.0, inclusive=True) == pytest.approx(0.75)


def test_a_value_that_fills_buckets_alone_has_their_share() -> None:
    assert known(distinct=10, bounds=("1", "1", "1", "5", "9")).equal(1.0) == pytest.approx(0.5)
    assert known(distinct=10, bounds=("1", "1", "1", "5", "9")).equal(5.0) == pytest.approx(0.1)


def test_values_beyond_what_was_seen_are_rare() -> None:
    assert EVEN.equal(1000.0) == pytest.approx(0.001)


def test_one_value_is_a_range_of_no_width() -> None:
    single = known(distinct=1, minimum="5", maximum="5")
    assert single.below(4.0, inclusive=True) == 0.0
    assert single.below(6.0, inclusive=True) == 1.0
    assert 0.0 <= (single.below(5.0, inclusive=True) or 0.0) <= 1.0
    assert single.range() == (5.0, 5.0)


def test_only_a_minimum_does_not_break_anything() -> None:
    half = known(minimum="5")
    assert half.range() == (5.0, 5.0)


def test_a_column_of_nulls_has_nothing_else() -> None:
    empty = known(null_fraction=1.0, distinct=0)
    assert empty.rest == 0.0
    assert empty.equal(1.0) == 0.0
    assert empty.below(1.0, inclusive=True) is None


def test_fractions_that_sum_up_to_more_than_all_rows_are_cut_to_them() -> None:
    greedy = known(common=(("1", 0.9), ("2", 0.9), ("3", -4.0)), null_fraction=0.5, distinct=2)
    assert sum(greedy.common.values()) == pytest.approx(0.5)
    assert set(greedy.common) == {1.0, 2.0}
    assert greedy.rest == pytest.approx(0.0)


def test_what_cannot_be_read_is_left_out() -> None:
    odd = known("DATE", common=(("soon", 0.5), ("2020-02-30", 0.1)), bounds=("2020-01-01", "?", "2021-01-01"))
    assert not odd.common
    assert len(odd.bounds) == 2
    assert distribution(Column(name="a", type="BLOB", common=(("x", 0.5),))) is None
    assert distribution(Column(name="a", type="INTEGER")) is None


def test_infinite_and_ancient_dates_have_their_places() -> None:
    old, new = key_of("0044-03-15 (BC)", "DATE"), key_of("1970-01-01", "DATE")
    assert key_of("-infinity", "DATE") < old < new < key_of("infinity", "DATE")
    assert key_of("12026-01-01", "DATE") - key_of("2026-01-01", "DATE") == 25 * 146_097
    assert key_of("2020-03-29 01:30:00.5+00", "TIMESTAMP WITH TIME ZONE") > key_of("2020-03-29", "DATE")
    assert key_of("nan", "DOUBLE") is None
    endless = known("TIMESTAMP", bounds=("-infinity", "2020-01-01 00:00:00", "infinity"), distinct=9)
    assert endless.below(key_of("2019-01-01", "DATE"), inclusive=False) == pytest.approx(0.25)


def test_texts_are_interpolated_by_the_characters_after_what_they_share() -> None:
    texts = known("VARCHAR", bounds=("item-a", "item-z"), distinct=26)
    assert 0.4 < (texts.below("item-m", inclusive=False) or 0.0) < 0.6
    assert known("VARCHAR", bounds=("a", "a", "a"), distinct=1).below("b", inclusive=False) == 1.0


def test_a_pattern_is_tried_on_the_sample_and_never_keeps_nothing_or_all() -> None:
    sample = known("VARCHAR", bounds=tuple(f"{i:03}{'x' if i % 4 else 'y'}" for i in range(100)), distinct=5000)
    assert sample.matching(like("%y")) == pytest.approx(0.25)
    assert 0.0 < (sample.matching(like("%nowhere%")) or 0.0) < 0.01
    assert 0.99 < (sample.matching(like("%")) or 0.0) < 1.0
    assert known("VARCHAR", bounds=("a", "b"), distinct=5).matching(like("%a%")) is None


def test_like_is_that_of_sql() -> None:
    cases = {"a%": "abc", "%c": "abc", "a_c": "abc", "%b%": "abc", "abc": "abc", "%": "", "a%b%c": "aXbYc", "%.": "x."}
    assert all(like(pattern)(text) for pattern, text in cases.items())
    misses = {"a": "ab", "_": "", "ab%ba": "aba", "%a": "ab", "a%a": "a", ".": "x", "ABC": "abc"}
    assert not any(like(pattern)(text) for pattern, text in misses.items())
    assert like("A%", fold=True)("abc")


def test_a_hostile_pattern_costs_no_time() -> None:
    began = time.process_time()
    assert not like("%a" * 60 + "%b")("a" * 2000)
    assert time.process_time() - began < 0.5


def test_joins_of_skewed_columns_meet_by_their_common_values() -> None:
    left = known(distinct=100, common=(("1", 0.5), ("2", 0.1)))
    right = known(distinct=100, common=(("1", 0.4), ("3", 0.2)))
    found = joined(left, right)
    assert found is not None
    assert 0.2 <= found < 0.22
    assert joined(left, known("VARCHAR", distinct=5, common=(("1", 0.5),))) is None
    assert joined(left, known(distinct=5, bounds=("1", "2"))) is None


def test_no_value_shows_where_a_column_is_printed() -> None:
    column = Column(name="a", type="VARCHAR", minimum="s3cret", common=(("s3cret", 0.5),), bounds=("s3cret",))
    assert "s3cret" not in repr(column)
    assert pickle.loads(pickle.dumps(column)) == column
