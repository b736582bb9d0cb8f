"""How numbers, times and words read."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.template import engines

from evalhub.web import formatting, marks, untrusted

NOON = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


def rendered(source, **context):
    return engines["django"].from_string("{% load evalhub %}" + source).render(context)


@pytest.mark.parametrize(
    ("value", "digits", "signed", "text"),
    [
        (0.6534, 3, False, "0.653"),
        (-0.21, 2, False, "−0.21"),
        (0.051, 3, True, "+0.051"),
        (-0.0004, 3, True, "0.000"),
        (-0.0, 3, False, "0.000"),
        (58.06, 1, False, "58.1"),
        (None, 3, False, "no value yet"),
        (float("nan"), 3, False, "no value yet"),
        (float("inf"), 3, True, "no value yet"),
    ],
)
def test_a_number_has_a_real_minus_and_zero_has_no_sign(value, digits, signed, text):
    assert formatting.number(value, digits, signed=signed) == text


@pytest.mark.parametrize(
    ("low", "high", "signed", "text"),
    [
        (0.606, 0.697, False, "0.606–0.697"),
        (-0.35, -0.07, False, "−0.350 to −0.070"),
        (-0.014, 0.08, True, "−0.014 to +0.080"),
        (0.02, 0.082, True, "+0.020 to +0.082"),
        (None, 0.1, False, "no interval"),
        (0.1, float("nan"), False, "no interval"),
    ],
)
def test_an_interval_has_a_dash_only_between_plain_numbers(low, high, signed, text):
    assert formatting.interval(low, high, signed=signed) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.00269, "0.0027"),
        (0.0133, "0.013"),
        (0.0996, "0.10"),
        (0.41, "0.41"),
        (0.0009999, "<0.001"),
        (0.0, "<0.001"),
        (0.999, ">0.99"),
        (1.0, "1.00"),
        (None, "not defined"),
    ],
)
def test_a_p_value_has_two_significant_digits(p, text):
    assert formatting.p_value(p) == text


@pytest.mark.parametrize(
    ("span", "digits"), [(1, 3), (0.5, 3), (4, 2), (20, 2), (100, 1), (None, 2), (float("inf"), 2)]
)
def test_the_range_of_a_metric_decides_its_decimals(span, digits):
    assert formatting.digits_of_span(span) == digits


@pytest.mark.parametrize(
    ("value", "span", "written"),
    [
        (0.5, 1, "0.500"),
        (1812.4, None, "1812"),
        (81.236, None, "81.2"),
        (0.000423, None, "0.000423"),
        (0.0, None, "0"),
        (-12.345, None, "−12.3"),
        (3e-9, None, "0.000000"),
    ],
)
def test_a_value_without_a_range_has_three_digits_that_count(value, span, written):
    assert formatting.number(value, formatting.digits_of(value, span)) == written


def test_a_narrow_interval_earns_more_digits_but_not_without_end():
    assert formatting.earned_digits(0.65299, 0.65303, 3) == 6
    assert formatting.earned_digits(-0.485, 0.189, 1) == 2
    assert formatting.earned_digits(0.6, 0.7, 3) == 3
    assert formatting.earned_digits(0.5, 0.5 + 1e-12, 3) == formatting.MAX_DIGITS
    assert formatting.earned_digits(0.5, 0.5, 3) == 3


@pytest.mark.parametrize(
    ("n", "text"),
    [(0, "0"), (999, "999"), (1234567, "1\u202f234\u202f567"), (-1200, "−1\u202f200")],
)
def test_a_count_has_thin_spaces(n, text):
    assert formatting.count(n) == text


def test_parts_and_plurals_read_as_words():
    assert formatting.of(251, 412) == "251 of 412"
    assert formatting.plural(1, "run") == "1 run"
    assert formatting.plural(0, "run") == "0 runs"
    assert formatting.plural(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    ("share", "text"), [(1.0, "100"), (0.0, "0"), (0.997, "99"), (0.002, "1"), (0.613, "61")]
)
def test_almost_all_does_not_read_as_all(share, text):
    assert formatting.percent(share) == f"{text}\u202f%"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0314, "31 ms"),
        (0.9996, "1.00 s"),
        (1.31, "1.31 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (252, "4 min 12 s"),
        (3_600, "1 h"),
        (7_505, "2 h 5 min"),
        (100_000, "1 d 3 h"),
        (-2, "−2.00 s"),
        (None, "not measured"),
    ],
)
def test_a_duration_shows_its_two_largest_units(seconds, text):
    assert formatting.duration(seconds).replace("\xa0", " ") == text


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (84_213, "84 KB"),
        (999_600, "1.0 MB"),
        (9_960_000, "10 MB"),
    ],
)
def test_a_size_counts_in_thousands(n, text):
    assert formatting.size(n).replace("\xa0", " ") == text


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=59), "59 seconds ago"),
        (timedelta(seconds=61), "1 minute ago"),
        (timedelta(hours=23, minutes=59), "23 hours ago"),
        (timedelta(days=2), "2 days ago"),
        (timedelta(days=31), "6 February 2026"),
        (timedelta(minutes=-4), "in 4 minutes"),
    ],
)
def test_how_long_ago_turns_into_a_day_after_a_month(passed, text):
    assert formatting.ago(NOON - passed, now=NOON) == text


def test_times_are_written_in_utc_with_the_exact_one_for_machines():
    abroad = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert rendered("{{ at|moment }}", at=abroad) == (
        '<time datetime="2026-03-09T12:00:00Z" title="9 March 2026, 12:00 UTC">'
        "9 March 2026, 12:00 UTC</time>"
    )
    assert rendered('{{ at|ago }} {{ at|day:"not yet" }}', at=None) == "never not yet"


@pytest.mark.parametrize(
    ("name", "shape", "word"),
    [
        ("improved", "up", "improved"),
        ("regressed", "down", "regressed"),
        ("equivalent", "same", "equivalent"),
        ("insufficient_evidence", "unsure", "not settled"),
        (None, "unsure", "not compared"),
        ("made_up", "unsure", "made up"),
    ],
)
def test_every_outcome_has_a_shape_and_a_word(name, shape, word):
    html = marks.outcome(name)
    assert f'class="badge {shape}"' in html
    assert f'href="#b-{shape}"' in html
    assert html.endswith(f"{word}</span>")


def test_a_missing_value_says_why_and_is_never_blank():
    html = rendered('{% value none reason="no reference in any example" %}', none=None)
    assert html == '<span class="muted">no reference in any example</span>'
    assert "no value yet" in rendered("{% value none %}", none=None)
    html = rendered('{% value 58.1 none none span=100 no_interval="one example" %}', none=None)
    assert "<b>58.1</b>" in html
    assert "one example" in html


def test_a_value_stands_with_its_interval():
    assert rendered("{% value 0.653 0.606 0.697 %}") == (
        '<span class="val"><b>0.653</b><span>0.606–0.697</span></span>'
    )
    assert "<b>−0.21</b><span>−0.35 to −0.07</span>" in rendered(
        "{% value gain low high span=4 signed=True %}", gain=-0.21, low=-0.35, high=-0.07
    )


def test_names_from_outside_are_escaped_in_every_mark():
    evil = "<script>alert(1)</script>"
    for html in (
        marks.signature(evil),
        marks.badge(evil, kind=evil, icon_name=evil),
        marks.state(evil),
        marks.outcome(evil),
        marks.value(None, reason=evil),
        untrusted.readable(evil),
        untrusted.excerpt(evil, 100),
        rendered("{% tablewrap label %}{{ label }}{% endtablewrap %}", label=evil),
    ):
        assert "<script" not in html


def test_invisible_characters_of_untrusted_text_are_spelled_out():
    html = untrusted.readable("safe\u202egpj.exe\u200b\x00\x00\x1b\ufeff")
    assert "\u202e" not in html
    for label in ("U+202E", "U+200B", "NUL ×2", "ESC", "BOM"):
        assert f">{label}</span>" in html
    assert 'title="U+202E right-to-left override"' in html


def test_lines_tabs_scripts_and_emoji_of_untrusted_text_stay_as_they_are():
    text = "one\n\ttwo עברית 👩\u200d👩\u200d👧 می\u200cخواهم"
    assert untrusted.readable(text) == f'<span class="said" dir="auto">{text}</span>'
    assert "CR" not in untrusted.readable("a\r\nb")
    assert ">CR<" in untrusted.readable("a\rb")


def test_a_lone_surrogate_can_be_sent_to_a_browser():
    untrusted.readable("\ud800").encode()
    untrusted.excerpt("x\udfff", 10).encode()


def test_empty_text_and_no_text_read_differently():
    assert rendered("{{ text|untrusted }}", text=None) == '<span class="muted">no text</span>'
    assert rendered("{{ text|untrusted }}", text="") == '<span class="muted">empty text</span>'
    assert rendered('{{ text|untrusted:"no output" }}', text=None).endswith("no output</span>")


def test_an_excerpt_is_one_short_line():
    html = untrusted.excerpt("one\n\ntwo   three\n" + "word " * 1_000_000, 12)
    assert html == '<span class="said line" dir="auto">one two thre…</span>'
    assert untrusted.excerpt("short", 12) == '<span class="said line" dir="auto">short</span>'


def test_a_run_in_a_list_is_told_apart_within_what_a_narrow_screen_shows():
    at = datetime(2026, 11, 26, 19, 5, tzinfo=UTC)
    named = formatting.in_a_list("helper 2026-09", "tides v2", "run_0123456789", at)
    assert named == "helper 2026-09, 26 Nov 19:05, on tides v2, run_012345"
    long = "a-distilled-helper-with-a-long-name 0.9.1-rc{}"
    first, second = (formatting.in_a_list(long.format(n), "v1", "run_0", at) for n in (1, 2))
    assert first[:30] != second[:30]
    assert first.startswith("a-distilled-h…")
