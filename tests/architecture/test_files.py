"""What every file owes its readers: a size to take in, a first line, and no leftovers."""

import ast
import re
from pathlib import Path

from tests.architecture.sources import (
    CODE,
    FILES,
    FRAGMENTS,
    PYTHON,
    TEMPLATES,
    offenders,
    parsed,
    read,
)

MAX_FILE_LINES, MAX_FUNCTION_LINES = 600, 60
TEXT_SUFFIXES = {".py", ".html", ".md", ".css", ".js", ".toml", ".yaml", ".yml", ".sh", ""}
# Paths of one machine, and promises instead of work. Written apart, so that this file passes.
LEFTOVERS = re.compile(
    "|".join([r"/wor" + r"k/", r"/far" + r"m/", r"\.libr" + r"ary\b", r"/ro" + r"ot/"])
    + "|"
    + r"\b(?:TO"
    + r"DO|FIX"
    + r"ME|XX"
    + r"X)\b"
)
# Where any failure at all is one part's failure and the rest goes on: the reason stands beside it.
BOUNDARIES = {
    Path("metrics/contract.py"): "a promise that raises is broken, and the next one is tried",
    Path("evalhub/web/reading/texts.py"): "a text that a parser stumbles on is read as written",
    Path("evalhub/runs/metric_host.py"): "what an operator's metric raises is its answer",
    Path("evalhub/runs/scoring.py"): "a metric that stops is marked failed, its neighbors go on",
    Path("evalhub/runs/sweeping.py"): "a job that cannot be sealed is logged, the sweep goes on",
}
SHAPELESS = {"utils.py", "helpers.py", "common.py", "misc.py", "core.py"}
# What the content security policy forbids, or lets in what people typed. htmx may not evaluate.
FORBIDDEN_IN_TEMPLATES = {
    "a style attribute": r"\sstyle=",
    "an inline style sheet": r"<style",
    "an inline script": r"<script(?![^>]*\ssrc=)",
    "an event attribute": r"\son[a-z]+=",
    "evaluated htmx": r"hx-on|hx-vars|js:|javascript:",
    "text that is not escaped": r"\|safe\b|autoescape off",
    "something from elsewhere": r"(?:src|href)=[\"']?(?:https?:)?//",
}


def functions(path):
    return [
        node
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_a_file_is_no_longer_than_a_reader_can_hold():
    def too_long(path):
        lines = len(read(path).splitlines())
        return lines if lines > MAX_FILE_LINES else 0

    assert offenders(PYTHON, too_long) == {}


def test_a_function_fits_on_a_screen():
    def too_long(path):
        lengths = {
            node.name: (node.end_lineno or node.lineno) - node.lineno + 1
            for node in functions(path)
        }
        return {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES}

    assert offenders(CODE, too_long) == {}


def test_a_module_opens_with_a_sentence_on_its_job():
    def fault(path):
        if not read(path).strip():
            return "is empty" if path.name != "__init__.py" else ""
        docstring = ast.get_docstring(parsed(path))
        if not docstring:
            return "opens with no sentence"
        first = docstring.splitlines()[0]
        return "" if re.search(r"[.!?]$", first) else first

    assert offenders(PYTHON, fault) == {}


def test_imports_stand_at_the_top():
    """An import inside a function hides that a layer is wrong."""

    def inside(path):
        return [
            f"line {node.lineno}"
            for function in functions(path)
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]

    assert offenders(CODE, inside) == {}


def is_broad(handler):
    names = [name.id for name in ast.walk(handler.type or handler) if isinstance(name, ast.Name)]
    return handler.type is None or {"Exception", "BaseException"} & set(names)


def raises_again(handler):
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and (last.exc is None or last.cause is not None)


def test_no_error_is_swallowed_unseen():
    """A broad except hides what nobody thought of."""

    def swallowing(path):
        lines = [
            f"line {node.lineno}"
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.ExceptHandler) and is_broad(node) and not raises_again(node)
        ]
        return lines if len(lines) > (path in BOUNDARIES) else []

    assert offenders(CODE, swallowing) == {}


def test_no_module_is_a_drawer():
    assert [path for path in CODE if path.name in SHAPELESS] == []


def test_no_leftovers():
    def leftovers(path):
        return [
            f"line {number}: {match.group()}"
            for number, line in enumerate(read(path).splitlines(), start=1)
            if (match := LEFTOVERS.search(line))
        ]

    assert offenders((path for path in FILES if path.suffix in TEXT_SUFFIXES), leftovers) == {}


def test_a_fragment_says_what_it_wants():
    def is_silent(path):
        first_line = read(path).splitlines()[0]
        return not (first_line.startswith("{# ") and "Wants:" in first_line)

    assert offenders(FRAGMENTS, is_silent) == {}


def test_a_template_needs_nothing_that_the_content_security_policy_forbids():
    def forbidden(path):
        text = read(path)
        return [what for what, form in FORBIDDEN_IN_TEMPLATES.items() if re.search(form, text)]

    assert offenders(TEMPLATES, forbidden) == {}
