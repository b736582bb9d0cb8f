"""The published rules of SQuAD 1.1's evaluation, written down for comparison."""

import re
import string


def normalized(text):
    """Return an answer as SQuAD compares it."""
    text = "".join(character for character in text.lower() if character not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())
