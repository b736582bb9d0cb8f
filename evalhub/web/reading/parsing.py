"""Markdown to tokens, with a bound on the work that a text may ask for.

CommonMark, tables and strikethrough; HTML is text. The parser is linear in what people and models
write, and quadratic in some of what attackers write: thousands of brackets, a table whose rows are
empty, quotes in quotes. So it counts its steps, and stops at a number that depends on the text
alone: a text reads the same on every machine, under every load.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from markdown_it import MarkdownIt
from markdown_it.parser_block import ParserBlock
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import escapedSplit, getLine, table
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType

MOST_STEPS: Final = 60_000  # 20,000 characters take some 10,000, of tables up to 50,000
DEEPEST: Final = 24  # blocks inside of blocks; a list item counts two
_STEPS_OF_A_TOKEN: Final = 3
_STEPS_OF_A_MARK: Final = 4
_MARKS: Final = re.compile(r"[!&*<\[\\\]_`~\n]")  # what may begin or end something
# Bounded, so that one without an end costs no more.
_MATH: Final = re.compile(r"\\\([\s\S]{1,500}?\\\)|\\\[[\s\S]{1,500}?\\\]|\$\$[\s\S]{1,500}?\$\$")
# What nothing closes is looked for to the end of its paragraph.
_SEARCHED: Final = re.compile(r"[\[<!]")
_SEARCHED_BY_A_STEP: Final = 400  # characters


class TooCostly(Exception):
    """A text that would take too many steps, or that nests too deep."""


class Work:
    """The steps left to one text."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise TooCostly


class _BlockState(StateBlock):
    """Counts what it is asked: each rule asks for each line whether it is indented code."""

    def push(self, ttype: str, tag: str, nesting: Literal[-1, 0, 1]) -> Token:
        _work(self.env).spend(_STEPS_OF_A_TOKEN)
        if self.level > DEEPEST:
            raise TooCostly
        return super().push(ttype, tag, nesting)

    def is_code_block(self, line: int) -> bool:
        _work(self.env).spend(1)
        return super().is_code_block(line)


class _Blocks(ParserBlock):
    def parse(
        self,
        src: str,
        md: MarkdownIt,
        env: EnvType,
        outTokens: list[Token],  # noqa: N803
    ) -> list[Token] | None:
        if not src:
            return None
        state = _BlockState(src, md, env, outTokens)
        self.tokenize(state, state.line, state.lineMax)
        return state.tokens


class _Inlines(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        searches = len(_SEARCHED.findall(src))
        steps = _STEPS_OF_A_MARK * len(_MARKS.findall(src))
        _work(env).spend(steps + searches * len(src) // _SEARCHED_BY_A_STEP)
        found = super().parse(src, md, env, tokens)
        _work(env).spend(_STEPS_OF_A_TOKEN * len(found))
        return found


class _Markdown(MarkdownIt):
    """Leaves addresses as they were written: whoever writes them out judges them."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        return link

    def validateLink(self, url: str) -> bool:  # noqa: N802
        return True


def _math(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the parser calls it so
    r"""Keep \(a_1\), \[a_1\] and $$a_1$$ as written: no backslash goes, no emphasis comes."""
    if state.src[state.pos] not in "\\$":
        return False
    found = _MATH.match(state.src, state.pos, state.posMax)
    if not found:
        return False
    if not silent:
        state.push("math", "", 0).content = found[0]
    state.pos = found.end()
    return True


def _whole_table(state: StateBlock, line: int, last: int, silent: bool) -> bool:  # noqa: FBT001
    """Read a table, and put what a row has beyond the columns into its last cell."""
    first = len(state.tokens)
    if not table(state, line, last, silent):
        return False
    row: list[Token] = []
    for token in state.tokens[first:]:
        if token.type == "inline":
            row.append(token)
        elif token.type == "tr_close":
            cells = _cells(getLine(state, row[-1].map[0])) if row[-1].map else []
            if any(cells[len(row) :]):
                row[-1].content = "|".join(cells[len(row) - 1 :]).strip()
            row = []
    return True


def _cells(line: str) -> list[str]:
    """Return the cells of a row as the rule of tables finds them."""
    cells = escapedSplit(line.strip(" \t"))
    start = 1 if cells[0] == "" else 0
    end = len(cells) - 1 if len(cells) > start and cells[-1] == "" else len(cells)
    return cells[start:end]


def parsed(text: str) -> tuple[list[Token], list[str]]:
    """Return a text's tokens, and its definitions of addresses that no link uses.

    The caller bounds the length. Raises TooCostly, and RecursionError from the parser.
    """
    env: EnvType = {"work": Work(MOST_STEPS)}
    source = text.replace("\r\n", "\n")
    tokens = _PARSER.parse(source, env)
    return tokens, _unused(tokens, source, env)


def _work(env: EnvType) -> Work:
    work: Work = env["work"]
    return work


def _unused(tokens: list[Token], source: str, env: EnvType) -> list[str]:
    """Return the lines of definitions that would vanish, since no link refers to them."""
    defined = [*env.get("references", {}).items()]
    again = [(None, each) for each in env.get("duplicate_refs", ())]
    if not defined and not again:
        return []
    used = {child.meta["label"] for child in _children(tokens) if "label" in child.meta}
    lines = source.split("\n")
    return [
        "\n".join(lines[slice(*reference["map"])])
        for label, reference in [*defined, *again]
        if label is None or label not in used
    ]


def _children(tokens: list[Token]) -> list[Token]:
    found = []
    for token in tokens:
        for child in token.children or ():
            found.append(child)
            found += _children([child])
    return found


def _keep_everything(_state: StateCore) -> None:
    """Stand in for the rule that would replace NUL, and take a lone CR for the end of a line."""


def _parser() -> MarkdownIt:
    parser = _Markdown("commonmark", {"html": False, "maxNesting": 100, "store_labels": True})
    parser.block, parser.inline = _Blocks(), _Inlines()
    parser.configure("commonmark", {"html": False, "maxNesting": 100, "store_labels": True})
    parser.enable(["table", "strikethrough"])
    parser.disable(["html_block", "html_inline"])
    parser.inline.ruler.before("escape", "math", _math)
    parser.block.ruler.at("table", _whole_table, {"alt": ["paragraph", "reference"]})
    parser.core.ruler.at("normalize", _keep_everything)
    # The first text sorts the rules, and two threads must not do that at once.
    parser.parse("*", {"work": Work(MOST_STEPS)})
    return parser


_PARSER: Final = _parser()
