"""What every file owes its readers: a size to take in, a first line, and no leftovers."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.sources import CODE, FILES, FRAGMENTS, PYTHON, TEMPLATES, read

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


def ids(path):
    return str(path)


@pytest.mark.parametrize("path", PYTHON, ids=ids)
def test_a_file_is_no_longer_than_a_reader_can_hold(path):
    assert len(read(path).splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("path", CODE, ids=ids)
def test_a_function_fits_on_a_screen(path):
    tree = ast.parse(read(path))
    lengths = {
        node.name: (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    long = {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES}
    assert long == {}


@pytest.mark.parametrize("path", PYTHON, ids=ids)
def test_a_module_opens_with_a_sentence_on_its_job(path):
    text = read(path)
    if not text.strip():
        assert path.name == "__init__.py"
        return
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring
    assert re.search(r"[.!?]$", docstring.splitlines()[0])


@pytest.mark.parametrize("path", CODE, ids=ids)
def test_imports_stand_at_the_top(path):
    """An import inside a function hides that a layer is wrong."""
    inside = [
        f"line {node.lineno}"
        for function in ast.walk(ast.parse(read(path)))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inside == []


def is_broad(handler):
    names = [name.id for name in ast.walk(handler.type or handler) if isinstance(name, ast.Name)]
    return handler.type is None or {"Exception", "BaseException"} & set(names)


def raises_again(handler):
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and (last.exc is None or last.cause is not None)


@pytest.mark.parametrize("path", CODE, ids=ids)
def test_no_error_is_swallowed_unseen(path):
    """A broad except hides what nobody thought of."""
    swallowing = [
        f"line {node.lineno}"
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.ExceptHandler) and is_broad(node) and not raises_again(node)
    ]
    assert len(swallowing) <= (path in BOUNDARIES), swallowing


def test_no_module_is_a_drawer():
    assert [path for path in CODE if path.name in SHAPELESS] == []


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix in TEXT_SUFFIXES], ids=ids)
def test_no_leftovers(path):
    found = [
        f"line {number}: {match.group()}"
        for number, line in enumerate(read(path).splitlines(), start=1)
        if (match := LEFTOVERS.search(line))
    ]
    assert found == []


@pytest.mark.parametrize("path", FRAGMENTS, ids=ids)
def test_a_fragment_says_what_it_wants(path):
    first_line = read(path).splitlines()[0]

    assert first_line.startswith("{# ")
    assert "Wants:" in first_line


@pytest.mark.parametrize("path", TEMPLATES, ids=ids)
def test_a_template_needs_nothing_that_the_content_security_policy_forbids(path):
    text = read(path)

    assert not re.search(r"<script(?![^>]*\bsrc=)", text), "an inline script"
    assert not re.search(r"<style\b", text), "an inline style sheet"
    assert not re.search(r"<[^>]*\sstyle=", text), "a style attribute"
    assert not re.search(r"<[^>]*\son[a-z]+=", text), "an event attribute"
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text), "something from elsewhere"
