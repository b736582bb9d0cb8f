"""What the languages on code fences look like: comments, strings, keywords."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_CLIKE = "break case catch class const continue default do else enum false final finally for"
_CLIKE += " if import new null private protected public return static super switch this throw"
_CLIKE += " true try void while"


@dataclass(frozen=True)
class Language:
    """A name for people, what comments (cm), strings (st) and words (k) look like, keywords."""

    name: str
    source: str  # of a pattern, compiled when a text first wants it
    keywords: frozenset[str] | None  # None where every word that is found is one
    ignores_case: bool = False

    def found_in(self, code: str) -> Iterator[re.Match[str]]:
        return re.finditer(self.source, code, re.MULTILINE)

    def is_keyword(self, word: str) -> bool:
        if self.keywords is None:
            return True
        return (word.lower() if self.ignores_case else word) in self.keywords


NOTHING: Final = r"(?!)"
# A string ends at its quote, else at the end of its line; a block at its end, else with the text.
_DOUBLE = r'"(?:[^"\\\n]|\\.)*+"?'
_SINGLE = r"'(?:[^'\\\n]|\\.)*+'?"
_CHARACTER = r"'(?:[^'\\\n]|\\[^\n]{1,9})'"  # in Rust, 'a alone is a lifetime
_BACKTICK = r"`(?:[^`\\]|\\[\s\S])*+`?"
_TRIPLE = (
    r'"""(?:[^"\\]|\\[\s\S]|"(?!""))*+(?:""")?' + r"|'''(?:[^'\\]|\\[\s\S]|'(?!''))*+(?:''')?"
)
_HASH, _SLASHES, _DASHES, _SEMICOLON = r"#.*+", r"//.*+", r"--.*+", r";.*+"
_BLOCK = r"/\*(?:[^*]|\*(?!/))*+(?:\*/)?"
_SHELL_HASH = r"(?<![\w$&{])#.*+"


def _language(
    name: str,
    keywords: str,
    comments: tuple[str, ...],
    strings: tuple[str, ...],
    *,
    ignores_case: bool = False,
    word: str = r"[^\W\d]\w*+",
) -> Language:
    kinds = {"cm": "|".join(comments) or NOTHING, "st": "|".join(strings), "k": word}
    source = "|".join(f"(?P<{kind}>{each})" for kind, each in kinds.items())
    return Language(
        name=name,
        source=source,
        keywords=frozenset(keywords.split()) if keywords else None,
        ignores_case=ignores_case,
    )


_STARTING = (rf"(?<!\w){_DOUBLE}", rf"(?<!\w){_SINGLE}")
_SLASHED, _QUOTED = (_BLOCK, _SLASHES), (_DOUBLE, _SINGLE)
_SCRIPT = f"{_CLIKE} as async await delete export extends from function in instanceof let of"
_SCRIPT += " typeof undefined var yield"
_PYTHON = (
    "and as assert async await break class continue def del elif else except False finally for"
    " from global if import in is lambda None nonlocal not or pass raise return True try while"
    " with yield"
)
_SHELL = "if then else elif fi for in do done while until case esac function return export local"
_SHELL += " set unset echo exit source"
_SQL = (
    "select from where and or not null is in as on join left right inner outer full cross group"
    " by order having limit offset insert into values update set delete create table view index"
    " drop alter add primary key foreign references unique default distinct union all exists"
    " between like case when then else end with asc desc true false over partition"
)
_RUST = (
    "as async await break const continue crate dyn else enum extern false fn for if impl in let"
    " loop match mod move mut pub ref return self Self static struct super trait true type unsafe"
    " use where while"
)
_GO = (
    "break case chan const continue default defer else fallthrough false for func go goto if"
    " import interface map nil package range return select struct switch true type var"
)
_C = f"{_CLIKE} auto char double extern float goto int long register short signed sizeof struct"
_C += " typedef union unsigned volatile include define ifdef ifndef endif"
_RUBY = (
    "alias and begin break case class def do else elsif end ensure false for if in module next"
    " nil not or redo require rescue retry return self super then true undef unless until when"
    " while yield"
)
_LUA = "and break do else elseif end false for function goto if in local nil not or repeat return"
_LUA += " then true until while"
_R = "if else repeat while function for in next break TRUE FALSE NULL NA Inf NaN library"
_KOTLIN = f"{_CLIKE} as by companion data fun in init interface internal is it lateinit object"
_KOTLIN += " open override package sealed suspend val var when"
_SWIFT = f"{_CLIKE} as async await defer extension func guard in init inout internal is let nil"
_SWIFT += " open override protocol repeat self Self struct throws var where"

_LANGUAGES: Final = {
    "python py python3 pycon": _language("Python", _PYTHON, (_HASH,), (_TRIPLE, _DOUBLE, _SINGLE)),
    "javascript js jsx node mjs": _language(
        "JavaScript", _SCRIPT, _SLASHED, (*_QUOTED, _BACKTICK)
    ),
    "typescript ts tsx": _language(
        "TypeScript",
        f"{_SCRIPT} abstract any boolean declare implements interface keyof never number readonly"
        " string type unknown",
        _SLASHED,
        (*_QUOTED, _BACKTICK),
    ),
    "json jsonc json5 jsonl ndjson": _language("JSON", "true false null", _SLASHED, (_DOUBLE,)),
    "bash sh shell zsh console": _language("Shell", _SHELL, (_SHELL_HASH,), _QUOTED),
    "sql sqlite postgresql postgres mysql": _language(
        "SQL", _SQL, (_DASHES, _BLOCK), _QUOTED, ignores_case=True
    ),
    "java": _language(
        "Java",
        f"{_CLIKE} abstract boolean byte char double extends float implements instanceof int"
        " interface long package record short synchronized throws var",
        _SLASHED,
        (_TRIPLE, *_QUOTED),
    ),
    "kotlin kt": _language("Kotlin", _KOTLIN, _SLASHED, (_TRIPLE, *_QUOTED)),
    "scala": _language(
        "Scala",
        f"{_CLIKE} def extends given implicit lazy match object override package sealed then"
        " trait type using val var with yield",
        _SLASHED,
        (_TRIPLE, _DOUBLE),
    ),
    "swift": _language("Swift", _SWIFT, _SLASHED, (_TRIPLE, _DOUBLE)),
    "c h": _language("C", _C, _SLASHED, _QUOTED),
    "cpp c++ cc hpp cxx": _language(
        "C++",
        f"{_C} bool constexpr delete explicit friend inline namespace noexcept nullptr operator"
        " override template typename using virtual",
        _SLASHED,
        _QUOTED,
    ),
    "csharp cs c#": _language(
        "C#",
        f"{_CLIKE} abstract as async await base bool byte char decimal double float foreach get in"
        " int interface internal is long namespace object out override readonly ref set string"
        " struct using var virtual where yield",
        _SLASHED,
        _QUOTED,
    ),
    "go golang": _language("Go", _GO, _SLASHED, (*_QUOTED, _BACKTICK)),
    "rust rs": _language("Rust", _RUST, _SLASHED, (_DOUBLE, _CHARACTER)),
    "ruby rb": _language("Ruby", _RUBY, (_HASH,), _QUOTED),
    "php": _language(
        "PHP",
        f"{_CLIKE} abstract array as echo elseif extends fn foreach function global implements"
        " interface namespace php use var",
        (*_SLASHED, _HASH),
        _QUOTED,
    ),
    "lua": _language("Lua", _LUA, (_DASHES,), _QUOTED),
    "r": _language("R", _R, (_HASH,), _QUOTED),
    "yaml yml": _language("YAML", "true false null yes no", (_SHELL_HASH,), _STARTING),
    "toml": _language("TOML", "true false", (_HASH,), (_TRIPLE, *_QUOTED)),
    "ini cfg properties": _language("INI", "true false", (_SEMICOLON, r"^#.*+"), _QUOTED),
    "css scss less": _language("CSS", "important media import", (_BLOCK,), _QUOTED),
    "html xml svg vue xhtml": _language(
        "HTML",
        "",
        (r"<!--(?:[^-]|-(?!->))*+(?:-->)?",),
        (r'(?<==)"[^"<>]*+"?', r"(?<==)'[^'<>]*+'?"),
        word=r"</?[A-Za-z][\w:.-]*+",
    ),
    "diff patch": _language("Diff", "", (r"^@@.*+",), (r"^\+.*+",), word=r"^-.*+"),
    "dockerfile docker": _language(
        "Dockerfile",
        "from run cmd label expose env add copy entrypoint volume user workdir arg as",
        (r"^#.*+",),
        _QUOTED,
        ignores_case=True,
    ),
    "makefile make": _language("Makefile", "ifeq ifdef else endif include", (_HASH,), _QUOTED),
    "latex tex": _language("LaTeX", "", (r"(?<!\\)%.*+",), (NOTHING,), word=r"\\[A-Za-z]++"),
}
BY_ALIAS: Final = {
    alias: language for aliases, language in _LANGUAGES.items() for alias in aliases.split()
}
