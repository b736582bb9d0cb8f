"""Texts that others wrote, rendered: nothing runs, nothing is fetched, nothing is lost."""

import json
import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalhub.web import reading, untrusted
from evalhub.web.reading import parsing, texts, wall
from evalhub.web.reading.cache import BoundedCache
from evalhub.web.reading.code import highlighted, language_of
from evalhub.web.reading.writing import Passages, Writer
from tests.payloads import PAYLOADS

# What stands around rendered text, written by us and not by what passes the wall.
AROUND = {"details": {"class": {"fold"}}, "summary": {}}
AROUND_CLASSES = {
    "div": {"read", "forms", "as-written"},
    "p": {"hint", "part"},
    "span": {"said", "muted"},
}
VOID = {"br", "hr"}
INVISIBLE = "\x00\x1b\u202e\u2066\u200b\u2028\ufeff\U000e0041\ud800"


class Page(HTMLParser):
    """What a parser sees in markup: elements with their attributes, text, and any fault."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.text, self.faults = [], [], "", []
        self.feed(markup)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if len(dict(attrs)) != len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.faults.append(f"a comment: {data}")

    handle_decl = handle_pi = unknown_decl = handle_comment

    @property
    def as_seen(self):
        return self.elements, self.text


def faults_of(markup):
    """Return all that no text may bring into a page."""
    page = Page(markup)
    faults = [*page.faults]
    if hidden := re.findall(f"[{INVISIBLE}]", markup):
        faults.append(f"invisible characters: {hidden}")
    for tag, attributes in page.elements:
        if tag not in wall.TAGS | AROUND.keys():
            faults.append(f"<{tag}>")
        faults += [
            f"<{tag} {name}={value}>"
            for name, value in attributes.items()
            if not is_allowed(tag, name, value)
        ]
        if tag == "a" and "cite" not in attributes.get("class", ""):
            wanted = {"target": "_blank", "rel": "noopener noreferrer nofollow"}
            if not wanted.items() <= attributes.items():
                faults.append(f"a link without {wanted}")
    return faults


def is_allowed(tag, name, value):
    if name == "class":
        ours = AROUND_CLASSES.get(tag, set()) | AROUND.get(tag, {}).get("class", set())
        return set(value.split()) <= wall.CLASSES.get(tag, set()) | ours
    if name == "href":
        return re.fullmatch(r"#p[1-9]|(https?://|mailto:)[^\s<>\"`\\]+", value) is not None
    if (tag, name) == ("span", "dir"):
        return value == "auto"
    exact = wall.VALUES.get(tag, {}).get(name)
    if exact is not None:
        return value in exact
    if name in {"aria-label", "title"}:
        return re.fullmatch(r"[A-Za-z0-9+#/ -]+", value) is not None
    return (tag, name) == ("ol", "start") and value.isdigit()


def places(text):
    """Yield a text in each place where one is shown, and in the forms that it can take."""
    yield "as Markdown", reading.reads(text, cites=3)
    yield "in one form", reading.rendered(text)
    yield "as written", untrusted.readable(text)
    yield "as JSON", reading.reads(reading.Part.of({text: [text]}))
    yield "beyond what is shown at once", reading.reads("x " * texts.AT_ONCE + text)
    yield "in a link", reading.reads(f"[{text}](https://a.example)", cites=3)
    yield "in a quote", reading.reads("> " + text.replace("\n", "\n> "), cites=3)
    yield "in code", reading.reads(f"```html\n{text}\n```")
    parts = [
        {"type": "text", "text": text},
        {"type": "image_url", "image_url": {"url": text}},
        {"type": text, text: text},
    ]
    call = {"function": {"name": text, "arguments": json.dumps({"a": text})}}
    told = [{"role": text, "name": text, "content": parts, "tool_calls": [call]}]
    for said in reading.conversation(told):
        yield "in a message", reading.reads(said)


def test_no_payload_brings_more_than_the_list_allows():
    assert len(set(PAYLOADS)) >= 60
    found = {
        (place, text): faults
        for text in PAYLOADS
        for place, markup in places(text)
        if (faults := faults_of(markup))
    }
    assert found == {}


def test_what_a_payload_says_can_be_read():
    """Markup that is not interpreted is text; an address that is not opened is written out."""
    for text in PAYLOADS:
        if "&" in text or "\\" in text:
            continue  # entities and escapes read as what they mean
        seen = Page(reading.reads(text)).text
        words = re.findall(r"[^\W_]+", text)
        assert [word for word in words if word not in seen] == []


@given(st.text(alphabet='ab1 \n\t*_`~#>|-+.![]()<>"&;:/\\\u202e', max_size=80))
def test_the_second_wall_finds_nothing_to_do(text):
    tokens, unused = parsing.parsed(text)
    written = Writer(Passages(2)).blocks(tokens, unused)
    assert Page(wall.passed(written)).as_seen == Page(written).as_seen
    assert faults_of(wall.passed(written)) == []


def test_the_second_wall_stands_by_itself():
    """As if what writes tags had let everything through."""
    for text in PAYLOADS:
        markup = wall.passed(text.encode("utf-8", "replace").decode())
        for tag, attributes in Page(markup).elements:
            assert tag in wall.TAGS
            assert not {
                name for name in attributes if name.startswith(("on", "style", "id", "src"))
            }
            href = attributes.get("href", "https://a")
            assert href.startswith(("http://", "https://", "mailto:")) or re.fullmatch(
                r"#[a-z][a-z0-9-]*", href
            )


@pytest.mark.parametrize(
    "around",
    [
        "a {} b",
        "*{}*",
        "[{}](https://a.example)",
        "[a]({})",
        "[a](javascript:{})",
        '[a](https://a.example "{}")',
        "[a]: https://a.example '{}'",
        "![{}](a)",
        "![a]({})",
        "`{}`",
        "```\n{}\n```",
        "```python\n# {}\n```",
        "``` {}\na\n```",
        "    {}",
        "# {}",
        "| {} |\n|---|\n| {} |",
        "- {}",
        "> {}",
        "<b title={}>",
        '{{"a": "{}"}}',
    ],
)
def test_invisible_characters_are_spelled_out_everywhere(around):
    for character in INVISIBLE:
        text = around.replace("{}", f"x{character}y")
        shown = reading.reads(text)
        assert untrusted.spelled(character) in shown, repr(character)
        assert not re.search(f"[{INVISIBLE}]", shown)
    assert untrusted.spelled("\u202e") in reading.rendered("&#8238; and &#x202e;")


SHOWN = {
    "a *b* **c** ~~d~~ `e`": "<p>a <em>b</em> <strong>c</strong> <s>d</s> <code>e</code></p>",
    "one\ntwo  \nthree": "<p>one<br>two<br>three</p>",
    "# a\n### b\n## c\n###### d": "<h3>a</h3><h4>b</h4><h4>c</h4><h5>d</h5>",
    "### a\n#": "<h3>a</h3><p>#</p>",
    "7. a\n8. b": '<ol dir="auto" start="7"><li>a</li><li>b</li></ol>',
    "- [x] a\n- [ ] b": '<ul dir="auto"><li>[x] a</li><li>[ ] b</li></ul>',
    "> a\n\n---": '<blockquote dir="auto"><p>a</p></blockquote><hr>',
    "\\(a_1*b*\\) \\[c\n\\\\ d\\] $$e$$ \\(f $5 $6": '<p><code class="math">\\(a_1*b*\\)</code> '
    '<code class="math">\\[c\n\\\\ d\\]</code> <code class="math">$$e$$</code> (f $5 $6</p>',
    "| | n |\n|-|-:|\n| a | 1 |": '<div class="tw" tabindex="0" role="group" aria-label="Table">'
    '<table dir="auto"><thead><tr><td></td><th scope="col" class="n">n</th></tr></thead>'
    '<tbody><tr><td>a</td><td class="n">1</td></tr></tbody></table></div>',
    # What a row has too much stays in its last cell; what it lacks is empty.
    "> |a|b|\n> |-|-|\n> |1|2||3 \\| 4|\n> |5|\n> ||6||": '<blockquote dir="auto"><div class="tw" '
    'tabindex="0" role="group" aria-label="Table"><table dir="auto"><thead><tr><th scope="col">a'
    '</th><th scope="col">b</th></tr></thead><tbody><tr><td>1</td><td>2||3 | 4</td></tr><tr>'
    "<td>5</td><td></td></tr><tr><td></td><td>6</td></tr></tbody></table></div></blockquote>",
    "<b>a</b> <!-- c -->": "<p>&lt;b&gt;a&lt;/b&gt; &lt;!-- c --&gt;</p>",
    "![a bird](https://a.example/b.png)": '<p><span class="lost">Image, not loaded: a bird '
    '<span class="address">(https://a.example/b.png)</span></span></p>',
    "[a](docs/a.md)": '<p>a <span class="address">(docs/a.md)</span></p>',
    "[a](ftp://a.example)": '<p>a <span class="address">(ftp://a.example)</span></p>',
    "<xs:element>": "<p>&lt;xs:element&gt;</p>",
    "[a]: https://b.example 'c'": "<p class=\"as-is\">[a]: https://b.example 'c'</p>",
    "see [1], [1, 2], [3] and `[1]`": '<p>see <a class="cite" href="#p1" aria-label="passage 1">1'
    '</a>, <a class="cite" href="#p1" aria-label="passage 1">1</a><a class="cite" href="#p2" '
    'aria-label="passage 2">2</a>, [3] and <code>[1]</code></p>',
    "```py\nx = 'a'  # b\n```": '<div class="listing"><span class="info">py</span>'
    '<pre tabindex="0" role="group" aria-label="Python code"><code>x = <span class="st">\'a\''
    '</span>  <span class="cm"># b</span>\n</code></pre></div>',
}


@pytest.mark.parametrize("text", SHOWN)
def test_markdown_reads_as(text):
    shown = Writer(Passages(2)).blocks(*parsing.parsed(text))
    assert wall.passed(shown) == SHOWN[text]


LINK = 'target="_blank" rel="noopener noreferrer nofollow">'
LINKS = {
    "[a](https://b.example/c?d=e&f)": f'<a href="https://b.example/c?d=e&amp;f" {LINK}a</a> '
    '<span class="address">(https://b.example/c?d=e&amp;f)</span>',
    "<https://b.example>": f'<a href="https://b.example" {LINK}https://b.example</a>',
    "[https://b.example](https://b.example)": f'<a href="https://b.example" {LINK}'
    "https://b.example</a>",
    "[https://a.example](HTTPS://b.example)": f'<a href="HTTPS://b.example" {LINK}'
    'https://a.example</a> <span class="address">(HTTPS://b.example)</span>',
    "<a@b.example>": f'<a href="mailto:a@b.example" {LINK}a@b.example</a>',
    # A letter that looks like another one: the address shows it.
    "[bank](https://b\u0430nk.example)": f'<a href="https://xn--bnk-6cd.example" {LINK}bank</a> '
    '<span class="address">(https://xn--bnk-6cd.example)</span>',
    "[a](http:b)": 'a <span class="address">(http:b)</span>',
    "[a](#unit)": 'a <span class="address">(#unit)</span>',
}


@pytest.mark.parametrize("text", LINKS)
def test_a_link_opens_elsewhere_and_says_where(text):
    assert reading.rendered(text) == f"<p>{LINKS[text]}</p>"


def test_the_text_as_written_comes_along_only_where_it_differs():
    plain = 'Where? [1]\nAt the "old" mill\'s.\r\n\r\nAnd 2 * 3 < 7 & so on.'
    assert "as-written" not in reading.reads(plain, cites=1)
    for text in ("*a*", "a  b", "&amp;", "\\*", "# a", "- a", "<https://a.example>", "a\n\n    b"):
        shown = reading.reads(text)
        assert f'<div class="read as-written">{untrusted.readable(text)}</div>' in shown


def test_json_is_indented_and_otherwise_as_it_was_written():
    text = '{"b":[1.50,{},{"\\u00e9":null}],"a":"x  y, {z}","a":[],"c":"\\"\\u202e"}'
    shown = Page(reading.reads(text))
    assert shown.text.startswith(
        '{\n  "b": [\n    1.50,\n    {},\n    {\n      "é": null\n    }\n  ],\n'
        '  "a": "x  y, {z}",\n  "a": [],\n  "c": "\\"U+202E"\n}'
    )
    assert shown.text.endswith(text)  # as written
    assert "JSON" in [attributes.get("aria-label") for _, attributes in shown.elements]
    pretty = json.dumps(SHOWN, indent=2)
    assert Page(reading.reads(pretty)).text == pretty
    deep = "[" * 50 + '"a",' * 4_000 + "1" + "]" * 50
    for same in (
        "[2]",
        '{"a": 1} {',
        "[1](a)",
        "[" * 5_000 + "]" * 5_000,
        "[" * 90 + "]" * 90,
        deep,
    ):
        assert same in Page(reading.reads(same)).text
        assert "JSON" not in reading.reads(same)


N = texts.AT_ONCE
HOSTILE = {
    "brackets": "[" * N,
    "images in images": "![" * 3_000 + "a" + "](b)" * 3_000,
    "half links": "![](" * (N // 4),
    "backticks": "".join("a" + "`" * n for n in range(200))[:N],
    "stars": "*_" * (N // 2),
    "strong": "**a" * (N // 3),
    "quotes in quotes": ">" * N,
    "lists in lists": "".join("  " * n + "- a\n" for n in range(140))[:N],
    "lazy lines": "> " * 11 + "a\n" * 9_900,
    "a table of nothing": "|" + "a|" * 300 + "\n|" + "-|" * 300 + "\n" + "|\n" * 9_000,
    "tables": "a|b\n-|-\n" * (N // 8),
    "half CDATA": "<![CDATA[" * (N // 9),
    "definitions": "[a]: b\n" * (N // 7),
    "lines": "a\n" * (N // 2),
    "strings in code": "```js\n" + '"\\' * 9_000,
    "comments in code": "```html\n" + "<!--" * 4_900,
    "long strings in code": "```python\n" + '"""' * 6_600,
    "invisible": "\u202e\u200b" * (N // 2),
}


def test_no_text_takes_long():
    """CPU seconds; on two shared cores each took up to 0.15."""
    shown = {}
    for name, text in HOSTILE.items():
        began = time.process_time()
        shown[name] = texts._forms(reading.Part(text[:N]), Passages())
        assert time.process_time() - began < 1, name
    for name in ("images in images", "quotes in quotes", "lists in lists", "a table of nothing"):
        assert "would take too long" in shown[name], name
        assert HOSTILE[name][:N].rstrip() in Page(shown[name]).text, name


def test_a_text_that_the_parser_stumbles_on_is_shown_as_written(monkeypatch, caplog):
    def stumble(_text):
        raise IndexError("string index out of range")

    monkeypatch.setattr(texts, "parsed", stumble)
    shown = reading.rendered("a *b* <i> of no other test")
    assert "Shown as written: rendering its Markdown failed." in shown
    assert "a *b* &lt;i&gt; of no other test" in shown
    assert "could not be read as Markdown" in caplog.text


def test_a_long_text_is_cut_where_it_pauses_and_the_rest_opens():
    for gap, start in (
        ("\n\n", "a" * (N - 1_900)),
        ("\n", "a" * (N - 400)),
        (" ", "a" * (N - 50)),
    ):
        shown = reading.reads(start + gap + "b" * 3_000)
        first, rest = shown.split("<details")
        assert "b" not in Page(first).text
        assert Page(f"<details{rest}").text.endswith("b" * 3_000)
        assert "3,000 more characters" in shown
    assert reading.reads(" \n") == '<div class="read"><span class="muted">empty text</span></div>'
    assert "U+2028" in reading.reads(" \u2028\n")
    assert "1 more characters" in reading.reads("a" * (N + 1))
    giant = reading.reads("x" * 10_000_000)
    assert len(giant) < 600_000
    assert "9,480,000 more characters are not shown." in giant


def test_a_conversation_is_shown_as_what_it_is():
    told = [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "name": "Ada",
            "content": [
                {"type": "text", "text": "What is *this*?"},
                {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
                {"type": "image", "source": {"url": "data:image/png;base64," + "A" * 500}},
                {"type": "input_audio"},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "look", "arguments": '{"at": 1}'}}, "odd"],
        },
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "tool_result", "content": 7}]},
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "new"}],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "name": "go", "input": {"x": 1}},
                {"type": "tool_result", "content": [{"type": "text", "text": "Gone."}]},
                "So.",
            ],
        },
    ]
    said = reading.conversation({"messages": told, "tools": ["look"]})
    found = [
        (each.who, [(part.label, part.form, part.text) for part in each.parts]) for each in said
    ]
    assert found == [
        ("", [("", "json", '{\n  "tools": [\n    "look"\n  ]\n}')]),
        ("system", [("", "text", "Be brief.")]),
        (
            "user (Ada)",
            [
                ("", "text", "What is *this*?"),
                ("", "note", "Image, not loaded: https://a.example/b.png"),
                ("", "note", "Image, not loaded: data:image/png;base64,… 522 characters"),
                ("", "note", "Audio, not loaded"),
            ],
        ),
        (
            "assistant",
            [("Tool call: look", "json", '{\n  "at": 1\n}'), ("Tool call", "text", "odd")],
        ),
        (
            "tool",
            [
                ("Tool result", "json", "7"),
                ("Also in this message", "json", '{\n  "tool_call_id": "c1"\n}'),
            ],
        ),
        ("assistant", [("Thinking", "text", "Hm."), ("", "json", '{\n  "type": "new"\n}')]),
        (
            "assistant",
            [
                ("Tool call: go", "json", '{\n  "x": 1\n}'),
                ("", "text", "Gone."),
                ("", "text", "So."),
            ],
        ),
    ]
    shown = reading.reads(said[2])
    assert '<p class="part">' not in shown
    assert "<em>this</em>" in shown
    assert '<p class="part">Tool call: look</p>' in reading.reads(said[3])


@pytest.mark.parametrize("value", ["a", 7, None, [], [1], {"a": 1}, [{"role": 1, "content": ""}]])
def test_what_is_no_conversation_is_one_text(value):
    (said,) = reading.conversation(value)
    (part,) = said.parts
    assert part.text == (value if isinstance(value, str) else json.dumps(value, indent=2))


def test_code_is_colored_by_its_words():
    """Each kind of comment and string, on the text that an open one spoils most easily."""
    for info, code, colored in (
        ("js", "let a = `b\n${c}` // d", [("k", "let"), ("st", "`b\n${c}`"), ("cm", "// d")]),
        ("SQL", "SELECT 'a--b' -- c", [("k", "SELECT"), ("st", "'a--b'"), ("cm", "-- c")]),
        ("rust", "fn a<'b>(c: &'b str) {'x'}", [("k", "fn"), ("st", "'x'")]),
        ("bash", 'echo "$#" # a', [("k", "echo"), ("st", '"$#"'), ("cm", "# a")]),
        ("html", '<a b="c">don\'t</a>', [("k", "<a"), ("st", '"c"'), ("k", "</a")]),
        ("yaml", "a: don't # b", [("cm", "# b")]),
        ("diff", "@@ 1\n-a\n+b\n c", [("cm", "@@ 1"), ("k", "-a"), ("st", "+b")]),
        ("{.python}", '"""a\n"b""" + \'c', [("st", '"""a\n"b"""'), ("st", "'c")]),
        ("tex", "\\frac{1}{2} 5\\% % a", [("k", "\\frac"), ("cm", "% a")]),
    ):
        shown = highlighted(code, language_of(info))
        found = re.findall(r'<span class="(k|st|cm)">(.*?)</span>', shown, re.DOTALL)
        assert [(kind, Page(said).text) for kind, said in found] == colored
        assert Page(shown).text == code
    assert language_of("nonsense") is None
    assert language_of("  ") is None


def test_a_text_is_made_once_within_a_number_of_bytes(monkeypatch):
    made = []
    cache = BoundedCache(4_000)  # room for three texts of 900 characters

    def ask(key, n=900):
        assert cache.get(key, lambda: made.append(key) or key * n) == key * n

    for key in "abacab":
        ask(key)
    assert made == ["a", "b", "c"]
    ask("d")  # pushes out what nobody has asked for since: c
    ask("e", n=2_000)  # pushes out nothing, and is not kept
    assert cache.n_bytes <= 4_000
    for key in "abdce":
        ask(key)
    assert made == ["a", "b", "c", "d", "e", "c", "e"]

    assert reading.reads("[1] of no other test", cites=1) == reading.reads(
        "[1] of no other test", cites=1
    )
    monkeypatch.setattr(texts, "parsed", None)  # calling it would fail
    assert "#p1" in reading.reads("[1] of no other test", cites=1)
