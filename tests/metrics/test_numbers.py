"""Numbers in text, against Python's decimal and fractions and by hand."""

import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.match.numbers import first_number, is_near, last_number, whole_number

decimals = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12))


@given(decimals, st.sampled_from(["f", ",f", "e"]))
def test_a_written_decimal_is_read_back(number, form):
    assert whole_number(format(number, form)) == number


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_fraction_is_its_quotient(above, below):
    read = whole_number(f"{above}/{below}")

    assert abs(Fraction(read) - Fraction(above, below)) <= Fraction(1, 10**90)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("16 - 3 - 4 = <<16-3-4=9>>9 eggs", 16, 9),
        ("$-5 or -$5.", -5, -5),
        ("\u22125 \u20ac", -5, -5),
        ("16-3", 16, 3),
        ("1,234,567.50 in all", "1234567.5", "1234567.5"),
        ("1\u202f234 and 12,34", 1234, 34),
        ("1.5 \u00d7 10^-6", "0.0000015", "0.0000015"),
        (r"$3 \times 10^{8}$", 300000000, 300000000),
        ("6.02e23", "6.02e23", "6.02e23"),
        ("from .5 to 3/4", "0.5", "0.75"),
        ("on 1/2/2020", 1, 2020),
        ("1/0", 1, 0),
        ("18 kg of CO2 with v1.2.3", 18, 18),
        ("答案是18。", 18, 18),
        (r"\boxed{42}", 42, 42),
        ("so...18", 18, 18),
        ("2nd", 2, 2),
        ("version 1.2.3", None, None),
        ("infinity, NaN, nothing", None, None),
        ("", None, None),
    ],
)
def test_numbers_stand_where_people_see_them(text, first, last):
    def read(value):
        return None if value is None else Decimal(value)

    assert (first_number(text), last_number(text)) == (read(first), read(last))


@pytest.mark.parametrize("text", ["18 eggs", "eighteen", "16-3", "1.2.3", "1,23", "true", "- 5"])
def test_a_text_with_anything_else_is_no_whole_number(text):
    assert whole_number(text) is None


def test_a_percentage_is_a_number_or_hundredths_of_it():
    assert whole_number(" 12.5 %. ") == Decimal("12.5")
    assert whole_number("12.5%", percent_is_hundredth=True) == Decimal("0.125")
    assert last_number("5 or 50%", percent_is_hundredth=True) == Decimal("0.5")


@pytest.mark.parametrize(
    ("number", "expected", "absolute", "relative", "near"),
    [
        ("10.1", "10", 0.1, 0.0, True),
        ("10.1000001", "10", 0.1, 0.0, False),
        ("-110", "-100", 0.0, 0.1, True),
        ("90", "100", 5.0, 0.1, True),
        ("0.001", "0", 0.0, 1.0, False),
        ("9007199254740993", "9007199254740992", 0.0, 0.0, False),
        ("1e9999", "1e-9999", 1e12, 1.0, False),
    ],
)
def test_a_tolerance_includes_its_bounds_and_is_exact(number, expected, absolute, relative, near):
    read = whole_number(number), whole_number(expected)

    assert is_near(*read, absolute=absolute, relative=relative) is near


@pytest.mark.parametrize(
    "hostile",
    [
        "9" * 10**6,
        "9" * 10**6 + ".5.6",
        "1" + ",234" * 250_000 + ".5.6",
        "1/" * 500_000,
        "-" * 10**6,
    ],
)
def test_hostile_texts_take_linear_time(hostile):
    started = time.process_time()
    last_number(hostile)

    assert time.process_time() - started < 2
