"""The formats of a comparison: each from the same findings, each safe where it is read."""

import csv
import io
import re
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest

from evalhub.accounts.services import COMMAND_LINE
from evalhub.reports.services import compare_runs
from tests.evalhub.reports.test_answers import hostile_pair
from tests.factories import a_member, a_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return a_project("town")


@pytest.fixture
def comparison(project):
    old, new = hostile_pair(project, set(range(1, 41)))
    return compare_runs(baseline=old, candidate=new, actor=COMMAND_LINE)


@pytest.fixture
def kept(client, project, comparison):
    """Return what a member is given in a format."""
    client.force_login(a_member(project, "viewer"))
    return lambda form: client.get(f"/comparisons/{comparison.public_id}/report/{form}")


def test_json_fits_the_schema_that_is_published_to_everybody(client, kept, comparison):
    answer, schema = kept("json").json(), client.get("/schemas/comparison.json").json()
    check = jsonschema_rs.Draft202012Validator(schema)
    assert list(check.iter_errors(answer)) == []
    assert answer["findings"][0]["slice"] is None
    for finding in ({"n": "60"}, {"outcome": "fine"}, {"gain": True}):
        wrong = {**answer, "findings": [{**answer["findings"][0], **finding}]}
        assert not check.is_valid(wrong)
    for part, wrong in (
        ("critical", {**answer["critical"], "failing_keys": [1]}),
        ("searched", {**answer["searched"], "slices": [{"n": 3}]}),
        ("failing", {"n": 1}),
        ("coverage", {"shared": "many"}),
        ("skipped", [{"metric": "bleu"}]),
    ):
        assert not check.is_valid({**answer, part: wrong}), part
    # Comparisons by methods before 4 have nothing that stands out.
    assert check.is_valid({**answer, "critical": {}, "searched": {}, "failing": {}})
    for member in answer:
        assert not check.is_valid({name: answer[name] for name in answer if name != member})


def test_csv_has_a_row_for_each_finding_and_no_formula(kept, comparison):
    comparison.findings.filter(slice_level="b").update(slice_level="=1+1")
    rows = list(csv.DictReader(io.StringIO(kept("csv").content.decode(), newline="")))
    stored = list(comparison.findings.order_by("order"))
    assert [float(row["gain"]) for row in rows] == [one.gain for one in stored]
    assert [row["primary"] for row in rows] == ["true", "false", "false"]
    assert rows[0]["p_adjusted"] == rows[0]["p_value"]
    assert {row["slice_level"] for row in rows} >= {"", "'=1+1"}


# Of https://github.com/windyroad/JUnit-Schema/blob/master/JUnit.xsd, which is stricter than what
# Jenkins asks for (junit-10.xsd of its xUnit plugin): what each element must bear, may bear, and
# holds, and which texts are values. What the two schemas refuse, this refuses.
ANY, TOKEN, WHOLE, AMOUNT = r"(?s:.*)", r"(?s:.*\S.*)", r"\d+", r"\d+(\.\d*)?"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
COUNTS = {"tests": WHOLE, "failures": WHOLE, "errors": WHOLE, "time": AMOUNT}
SAID = {"message": ANY}
ELEMENTS = {
    "testsuite": (
        {"name": TOKEN, "timestamp": MOMENT, "hostname": TOKEN, **COUNTS},
        {"skipped": WHOLE},
        r"properties (testcase )*system-out system-err ",
    ),
    "properties": ({}, {}, r"(property )*"),
    "property": ({"name": TOKEN, "value": ANY}, {}, ""),
    "testcase": ({"name": ANY, "classname": ANY, "time": AMOUNT}, {}, r"((skipped|failure) )?"),
    "failure": ({"type": ANY}, SAID, ""),
    "skipped": ({}, SAID, ""),
    "system-out": ({}, {}, ""),
    "system-err": ({}, {}, ""),
}


def junit_suite(content):
    """Return the suite of a JUnit file, which has the form that CI systems share."""
    suite = ET.fromstring(content)  # noqa: S314
    assert suite.tag == "testsuite"
    for element in suite.iter():
        needed, more, inside = ELEMENTS[element.tag]
        assert needed.keys() <= element.attrib.keys() <= needed.keys() | more.keys()
        for name, value in element.attrib.items():
            assert re.fullmatch((needed | more)[name], value), (element.tag, name, value)
        assert re.fullmatch(inside, "".join(f"{child.tag} " for child in element)), element.tag
    counted = {"tests": "testcase", **{f"{one}s": f"*/{one}" for one in ("failure", "error")}}
    for name, path in {**counted, "skipped": "*/skipped"}.items():
        assert suite.get(name) == str(len(suite.findall(path)))
    return suite


def test_junit_has_the_form_that_ci_systems_share(kept, comparison):
    comparison.skipped = [{"metric": "chrf\x07", "reason": "The signatures differ."}]
    comparison.save()
    comparison.findings.filter(slice_level="b").update(outcome="insufficient_evidence")
    suite = junit_suite(kept("junit").content)
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["4", "2", "0", "2"]
    assert suite.findall("testcase")[-1].get("name") == "chrf\ufffd"
    whole = ET.tostring(suite, encoding="unicode")
    for right, wrong in (
        ('time="0"', ""),
        ('time="0"', 'time="soon"'),
        ('hostname="localhost"', 'hostname=" "'),
        ("<failure ", "<error "),
        ("<properties>", "<properties><skipped/>"),
        ("<system-err />", ""),
        ('timestamp="', 'timestamp="on '),
        ("<skipped ", '<skipped when="" '),
        ('property name="comparison"', 'property name=""'),
    ):
        with pytest.raises((AssertionError, KeyError, ET.ParseError)):
            junit_suite(whole.replace(right, wrong, 1))


def test_markdown_says_the_verdict_what_decides_the_metrics_and_slices_that_hold(kept):
    text = kept("markdown").content.decode()
    verdict, gate, decides, table, about_p, slices, link = text.split("\n\n")
    assert gate.startswith("- The dataset ")
    assert "has no gate, so nothing here says whether it may be released" in gate
    assert about_p.startswith("p \\< 0.001 on em_x")
    assert verdict.startswith("**Regressed: new x")
    assert decides.startswith("em_x\\@\u200by fell from 1.000 to 0.333: a loss of 0.667 (95 %")
    assert len(table.splitlines()) == 3
    assert table.startswith("| Metric | Baseline | Candidate | Gain |")
    assert [line.partition(":")[0] for line in slices.splitlines()] == ["- Regressed in what"] * 2
    assert re.fullmatch(r"\[The whole report\]\(http://testserver/comparisons/cmp_\w+/\)\n", link)


def test_html_is_one_file_that_asks_for_nothing(kept, comparison):
    answer = kept("html")
    page = answer.content.decode()
    assert answer["Content-Disposition"] == f'attachment; filename="{comparison.public_id}.html"'
    assert answer["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "is worse than old on em_x@y." in page
    assert 'class="forest"' in page
    assert "40 examples got worse" in page
    asking = r"<(?:script|link|img|iframe|form|object|embed|base)\b|\bsrc=|url\(|@import| style="
    assert re.findall(asking, page) == []
    assert re.findall(r' href="(?!#|http://testserver/)[^"]*"', page) == []
    assert "<b> @everyone" not in page


def test_a_format_that_is_none_is_not_there(kept):
    assert kept("pdf").status_code == 404
