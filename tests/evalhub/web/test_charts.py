"""Where charts put their marks, and what they say to those who cannot see them."""

import math
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalhub.web import charts, histograms
from evalhub.web.axes import Axis, nice_step
from evalhub.web.charts import Estimate, ForestRow, Panel

UNIT = Axis.of(0, 1)


def tree(svg):
    return ElementTree.fromstring(str(svg))  # noqa: S314 - our own markup


def points(svg):
    """Shape and place of every mark."""
    return [(use.get("href"), use.get("x")) for use in tree(svg).iter("use")]


def lines(svg, css):
    return [line for line in tree(svg).iter("line") if css in line.get("class").split()]


def row(**changes):
    given: dict[str, Any] = {
        "name": "exact_match",
        "outcome": "improved",
        "gain": 0.05,
        "low": 0.02,
        "high": 0.08,
        "unit": 0.01,
        "written": "+0.050",
        "ends": "+0.020 to +0.080",
    }
    return ForestRow(**(given | changes))


@pytest.mark.parametrize(
    ("low", "high", "steps", "ticks"),
    [
        (0, 1, 2, [0, 0.5, 1]),
        (0, 100, 4, [0, 25, 50, 75, 100]),
        (0.1, 0.7, 6, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
        (-4.2, 4.8, 10, [-4, -3, -2, -1, 0, 1, 2, 3, 4]),
        (0, 0.003, 3, [0, 0.001, 0.002, 0.003]),
    ],
)
def test_ticks_are_round_numbers_inside_the_axis(low, high, steps, ticks):
    assert Axis.of(low, high, steps=steps).ticks == ticks


def test_ticks_are_written_without_the_dust_of_binary_fractions():
    axis = Axis.around([-0.3, 0.3], steps=6)
    assert [axis.write(tick) for tick in axis.ticks] == [
        "−0.3", "−0.2", "−0.1", "0", "0.1", "0.2", "0.3",
    ]  # fmt: skip
    assert axis.write(0.1, signed=True) == "+0.1"
    assert Axis.of(0, 1, steps=4).write(0.25) == "0.25"


@given(st.lists(st.floats(-1e9, 1e9), min_size=1), st.integers(1, 12))
def test_an_axis_around_values_holds_them_all(values, steps):
    axis = Axis.around(values, steps=steps)
    assert all(axis.holds(value) for value in values)
    assert 1 <= len(axis.ticks) <= steps + 3


@given(st.floats(1e-9, 1e9), st.integers(1, 30))
def test_a_nice_step_needs_at_most_so_many_steps(span, steps):
    step = nice_step(span, steps)
    assert span / step <= steps * (1 + 1e-6)
    assert span / step >= steps / 2.5 * (1 - 1e-6) or steps == 1


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (math.nan, 1), (0, math.inf)])
def test_an_axis_needs_two_different_finite_ends(ends):
    with pytest.raises(ValueError, match="lower to a higher"):
        Axis.of(*ends)


def test_an_interval_is_a_line_with_ends_and_a_point():
    svg = charts.interval(Estimate(value=0.5, low=0.25, high=0.75), axis=UNIT, label="half")
    root = tree(svg)
    assert (root.get("role"), root.get("aria-label")) == ("img", "half")
    assert points(svg) == [("#m-dot", "50.00%")]
    line, left, right = lines(svg, "ci")
    assert (line.get("x1"), line.get("x2")) == ("25.00%", "75.00%")
    assert (left.get("x1"), right.get("x1")) == ("25.00%", "75.00%")


@pytest.mark.parametrize(("kind", "ends"), [("up", 3), ("down", 3), ("same", 3), ("unsure", 1)])
def test_the_shape_carries_the_outcome(kind, ends):
    svg = charts.interval(Estimate(value=0.5, low=0.4, high=0.6), axis=UNIT, kind=kind)
    assert points(svg) == [(f"#m-{kind}", "50.00%")]
    assert len(lines(svg, kind)) == ends


def test_what_leaves_the_axis_ends_in_an_arrow_and_is_said():
    svg = charts.interval(Estimate(value=0.5, low=-2, high=0.6), axis=UNIT, label="Wide.")
    assert points(svg) == [("#m-left", "0.00%"), ("#m-dot", "50.00%")]
    assert tree(svg).get("aria-label") == "Wide. The interval is wider than the axis."


def test_a_value_off_the_axis_is_an_arrow_and_never_a_point_at_the_edge():
    alone = charts.interval(Estimate(value=3), axis=UNIT)
    assert points(alone) == [("#m-right", "100.00%")]
    beside = charts.interval(Estimate(value=-3, low=-4, high=-2), axis=UNIT)
    assert {place for _, place in points(beside)} == {"0.00%"}
    assert {shape for shape, _ in points(beside)} == {"#m-left"}


@pytest.mark.parametrize("end", [None, math.nan, math.inf])
def test_without_an_interval_only_the_point_is_drawn(end):
    svg = charts.interval(Estimate(value=0.5, low=0.4, high=end), axis=UNIT)
    assert lines(svg, "ci") == []
    assert points(svg) == [("#m-dot", "50.00%")]


def test_a_margin_is_a_band_around_a_solid_zero():
    axis = Axis.of(-1, 1)
    band = tree(charts.interval(Estimate(value=0), axis=axis, margin=0.5)).find("rect")
    assert (band.get("x"), band.get("width")) == ("25.00%", "50.00%")
    bare = charts.interval(Estimate(value=0), axis=axis, margin=0)
    assert tree(bare).find("rect") is None
    assert len(lines(bare, "zero")) == 1
    assert lines(charts.interval(Estimate(value=0), axis=axis), "zero") == []


def test_an_earlier_value_is_drawn_open_below():
    svg = charts.interval(Estimate(value=0.5), axis=UNIT, earlier=Estimate(value=0.4))
    assert points(svg) == [("#m-old", "40.00%"), ("#m-dot", "50.00%")]


def test_labels_and_names_are_escaped():
    evil = '"><script>alert(1)</script>'
    for html in (
        charts.interval(Estimate(value=0.5), axis=UNIT, label=evil),
        charts.strip([1], low=1, high=5, label=evil),
        charts.forest(Panel([row(name=evil, outcome=evil, written=evil, address=evil)], evil)),
        charts.forest(Panel([row(gain=None, reason=evil)], "")),
        charts.axis_line(UNIT, writer=lambda _: evil),
    ):
        assert "<script" not in html
        tree(html)


def test_no_chart_carries_a_style_attribute():
    drawn = charts.forest(Panel([row(), row(outcome="regressed", gain=-0.1)], "points"))
    assert "style" not in drawn
    assert "style" not in histograms.histogram(histograms.bins_of(np.linspace(0, 1, 50)))


def test_the_forest_puts_unlike_metrics_on_one_axis():
    axis = charts.forest_axis([row(), row(name="bleu", gain=-5.0, low=-8.0, high=-2.0, unit=1)])
    assert (axis.low, axis.high) == (-8, 8)
    html = charts.forest(Panel([row(), row(name="bleu", gain=-5.0)], "points"))
    assert "exact_match: gain +0.050, interval +0.020 to +0.080, improved" in html
    assert html.count("axis-row") == 1


def test_panels_of_a_forest_have_an_axis_each_and_rows_lead_to_their_outputs():
    dear = row(name="cost", gain=-0.9, low=-0.95, high=-0.85, address="/outputs")
    html = charts.forest(Panel([row()], "% of the scale"), Panel([], "none"), Panel([dear], "%"))
    assert html.count("axis-row") == 2
    # All that is drawn of cost is a loss, and zero stands inside its axis all the same.
    assert [text.text for text in tree(html).iter("text")][-2:] == ["0", "+20"]
    assert '<a href="/outputs">cost</a>' in html


def test_one_very_wide_interval_does_not_squeeze_the_others():
    narrow = [row(gain=0.01, low=0, high=0.02) for _ in range(4)]
    wide = row(outcome="insufficient_evidence", gain=0.03, low=-0.9, high=0.96)
    axis = charts.forest_axis([*narrow, wide])
    assert axis.high < 10
    assert "#m-right" in charts.forest(Panel([*narrow, wide], "points"))


def test_a_margin_far_beyond_every_interval_does_not_press_them_against_zero():
    near, far = (charts.forest_axis([row(margin=margin)]) for margin in (0.1, 50.0))
    assert far.high <= 4 * near.high


def test_the_forest_says_why_a_gain_is_missing():
    html = charts.forest(Panel([row(gain=None, low=None, high=None, reason="no label")], "points"))
    assert "no label" in html
    # Of a baseline of 0 there is no percent, whatever else stands on the axis.
    free = row(gain=None, low=-0.02, high=-0.01, unit=0.0, margin=0.01, reason="no percent")
    assert charts.forest_axis([free, row()]) == charts.forest_axis([row()])
    assert "no percent" in charts.forest(Panel([free, row()], "% of the baseline"))
    assert charts.forest(Panel([], "points")).count("<li ") == 0


def test_answers_stack_where_they_are_equal():
    svg = charts.strip([2, 2, 5], low=1, high=5, label="2, 2, 5")
    places = [place for _, place in points(svg)]
    assert len(places) == 3
    assert len(set(places)) == 2
    heights = {use.get("y") for use in tree(svg).iter("use")}
    assert len(heights) == 2
    assert "×8" in charts.strip([3] * 8, low=1, high=5, label="eight")


def test_a_bar_is_a_share_of_the_whole():
    assert tree(charts.bar(1, 4)).find("rect").get("width") == "25.0%"
    assert tree(charts.bar(0, 0)).find("rect").get("width") == "0.0%"


@pytest.mark.parametrize(
    ("gain", "span", "css"),
    [(0.1, 1, "p3"), (-0.05, 1, "n2"), (0.02, 1, "p1"), (0.001, 1, ""), (-5, 100, "n2")],
)
def test_heat_has_three_steps_each_way_and_none_for_little(gain, span, css):
    assert charts.heat(gain, span) == css
    assert charts.heat(None, span) == "few"


def test_bins_count_every_value_once_and_keep_unscored_apart():
    values = np.array([0.0, 0.05, 0.5, 0.999, 1.0, np.nan, np.inf])
    bins = histograms.bins_of(values, low=0, high=1)
    assert (bins.n, bins.unscored) == (5, 2)
    assert bins.counts[0] >= 1
    assert bins.counts[-1] == 2
    assert bins.labels[0].startswith("0 to ")
    assert bins.ticks[0] == (0.0, "0")
    assert bins.ticks[-1] == (100.0, "1")


@given(st.integers(0, 5_000), st.integers(0, 2**32 - 1))
def test_there_are_never_more_than_two_dozen_bars(n, seed):
    values = np.random.default_rng(seed).normal(50, 20, n).clip(0, 100)
    bins = histograms.bins_of(values, low=0, high=100)
    assert bins.n == n
    assert len(bins.counts) <= histograms.MAX_BINS + 1
    drawn = tree(histograms.histogram(bins))
    assert len(drawn.findall("rect")) == len(bins.counts)


def test_few_options_get_a_bar_each():
    bins = histograms.bins_of(np.array([5.0, 5.0, 4.0, 1.0]), low=1, high=5)
    assert bins.rows == [("1", 1), ("2", 0), ("3", 0), ("4", 1), ("5", 2)]
    assert [text for _, text in bins.ticks] == ["1", "2", "3", "4", "5"]
    assert bins.median == 4.5
    assert bins.median_bin == 3


def test_a_binary_metric_has_two_bars():
    bins = histograms.bins_of(np.array([0.0, 1.0, 1.0]), low=0, high=1)
    assert bins.rows == [("0", 1), ("1", 2)]


def test_no_values_say_so():
    bins = histograms.bins_of(np.array([np.nan]), low=0, high=1)
    assert bins.summary == "No values yet."
    assert bins.median_bin is None
    assert tree(histograms.histogram(bins)).get("aria-label") == "No values yet."


@pytest.mark.parametrize("values", [[3.7], [3.7, 3.7], [-1e-9, 1e-9], [1e12, -1e12], [0.0]])
def test_bars_without_given_ends_span_whatever_comes(values):
    bins = histograms.bins_of(np.array(values))
    assert bins.n == len(values)
    tree(histograms.histogram(bins))


def test_the_bar_of_the_median_is_colored_and_every_bar_names_itself():
    bins = histograms.bins_of(np.array([1.0, 2.0, 2.0, 3.0]), low=1, high=3)
    drawn = tree(histograms.histogram(bins))
    colored = [bar for bar in drawn.findall("rect") if bar.get("class") == "bar hi"]
    assert [bar.find("title").text for bar in colored] == ["2: 2"]
    assert drawn.get("aria-label") == "4 values, most often 2, median 2."


def test_every_shape_and_icon_that_is_drawn_is_in_the_sprite(settings):
    sprite = (settings.BASE_DIR / "templates/components/sprite.html").read_text()
    ids = set(re.findall(r'<(?:g|symbol) id="([^"]+)"', sprite))
    used = {
        f"m-{shape}" for shape in ("up", "down", "same", "unsure", "old", "dot", "left", "right")
    }
    used |= {f"b-{shape}" for shape in ("up", "down", "same", "unsure", "dot")}
    for template in (settings.BASE_DIR / "templates").rglob("*.html"):
        used |= {f"i-{name}" for name in re.findall(r'{% icon "([^"]+)"', template.read_text())}
        used |= {f"i-{name}" for name in re.findall(r'icon="([^"]+)"', template.read_text())}
        used |= set(re.findall(r'<use href="#([^"]+)"', template.read_text()))
    assert used <= ids
