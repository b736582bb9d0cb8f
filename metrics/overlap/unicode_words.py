"""Words of any script: what rouge-score's tokens are for English, for all languages.

Texts are brought into Unicode form NFKC and lower case. A word is a run of letters and digits
with the marks that belong to them. Scripts that are written without spaces between words
(Chinese, Japanese, Thai, Lao, Khmer, Myanmar) are cut into single characters, each with its
marks: without a dictionary nothing else cuts equal texts equally.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from metrics.overlap.stems import stemmed

UNICODE_VERSION = unicodedata.unidata_version
_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Myanmar, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
# They join letters inside a word: Persian, Hindi.
_JOINERS = "\u200c\u200d"


def unicode_words(text: str) -> list[str]:
    """Return the words of a text."""
    words: list[str] = _word().findall(unicodedata.normalize("NFKC", text).lower())
    return words


def unicode_stems(text: str) -> list[str]:
    """Return the words of a text, English ones without their endings."""
    words = unicode_words(text)
    return [stemmed(word.encode()).decode() if word.isascii() else word for word in words]


@lru_cache(maxsize=1)
def _word() -> re.Pattern[str]:
    # Looks at every character there is, once, and only for whoever asks for this tokenizer.
    marks = f"[{_JOINERS}{''.join(_mark_ranges())}]*"
    return re.compile(f"(?=\\w)[{_UNSPACED}]{marks}|(?:[^\\W_{_UNSPACED}]{marks})+")


def _mark_ranges() -> Iterator[str]:
    marks = [
        code
        for code in range(0x300, sys.maxunicode + 1)
        if unicodedata.category(chr(code)).startswith("M")
    ]
    breaks = [0, *(at for at, (a, b) in enumerate(pairwise(marks), 1) if b - a > 1), len(marks)]
    for start, stop in pairwise(breaks):
        yield f"{chr(marks[start])}-{chr(marks[stop - 1])}"
