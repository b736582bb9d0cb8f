"""Numbers as people and models write them in text, read exactly and in linear time."""

from __future__ import annotations

import decimal
import re
from decimal import Decimal

_CURRENCY = r"[$\u00a2-\u00a5\u20a0-\u20cf]"
_MINUS = r"[-\u2212]"
# Digits may follow a letter of another script (答案是18), but not those of a word or a version.
_NUMBER = rf"""
    (?:(?<![A-Za-z0-9_)\]}}%])(?P<minus>{_MINUS})(?:{_CURRENCY}[ ]?)?)?
    (?:
        (?<![A-Za-z0-9_/])(?<![A-Za-z0-9_]\.)
        (?P<above>[0-9]++)/(?P<below>0*+[1-9][0-9]*+)(?![A-Za-z0-9_/]|\.[0-9])
    |
        (?P<digits>
            (?<![A-Za-z0-9_])(?<![A-Za-z0-9_]\.)
            (?:[0-9]{{1,3}}+(?:[,\u00a0\u2009\u202f][0-9]{{3}}(?![0-9])){{1,20}}+|[0-9]++)
            (?:\.[0-9]++)?
        |
            (?<![A-Za-z0-9_.])\.[0-9]++
        )
        (?!\.[0-9])
        (?:
            [eE](?P<exponent>[-+]?[0-9]{{1,4}})(?![A-Za-z0-9_])
        |
            [ ]?(?:[x*\u00b7\u00d7]|\\times|\\cdot)[ ]?10(?:\^|\*\*)\{{?
            (?P<power>[-\u2212+]?[0-9]{{1,4}})(?![0-9])\}}?
        )?
    )
    (?P<percent>[ \u00a0]?%)?
"""
_ANYWHERE = re.compile(_NUMBER, re.VERBOSE)
_WHOLE = re.compile(rf"(?:{_CURRENCY}[ ]?)?{_NUMBER}(?:[ ]?{_CURRENCY})?\.?", re.VERBOSE)
_SEPARATORS = str.maketrans("", "", ",\u00a0\u2009\u202f")
# A hundred digits, and no operation that raises: what is too large or small stays comparable.
_EXACT = decimal.Context(prec=100, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[])


def whole_number(text: str, *, percent_is_hundredth: bool = False) -> Decimal | None:
    """Return the number that a text consists of, or None where it is anything else."""
    match = _WHOLE.fullmatch(text.strip())
    return None if match is None else _value(match, percent_is_hundredth)


def first_number(text: str, *, percent_is_hundredth: bool = False) -> Decimal | None:
    """Return the first number in a text, or None without any."""
    match = _ANYWHERE.search(text)
    return None if match is None else _value(match, percent_is_hundredth)


def last_number(text: str, *, percent_is_hundredth: bool = False) -> Decimal | None:
    """Return the last number in a text, or None without any."""
    match = None
    for match in _ANYWHERE.finditer(text):  # noqa: B007 - the last one is what is wanted
        pass
    return None if match is None else _value(match, percent_is_hundredth)


def is_near(number: Decimal, expected: Decimal, *, absolute: float, relative: float) -> bool:
    """Whether a number is within either tolerance of the expected one, bounds included.

    A tolerance is the decimal number it is written as: 10.1 is within 0.1 of 10.
    """
    room = max(
        Decimal(repr(absolute)), _EXACT.multiply(Decimal(repr(relative)), expected.copy_abs())
    )
    return _EXACT.subtract(number, expected).copy_abs() <= room


def _value(match: re.Match[str], percent_is_hundredth: bool) -> Decimal:  # noqa: FBT001
    if match["above"]:
        number = _EXACT.divide(Decimal(match["above"]), Decimal(match["below"]))
    else:
        number = Decimal(match["digits"].translate(_SEPARATORS))
        exponent = match["exponent"] or match["power"]
        if exponent:
            number = _EXACT.scaleb(number, int(exponent.replace("\u2212", "-")))
    if match["percent"] and percent_is_hundredth:
        number = _EXACT.scaleb(number, -2)
    return number.copy_negate() if match["minus"] else number
