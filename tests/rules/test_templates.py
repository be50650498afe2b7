"""Texts with names: only the file writes them, and what a person texts is always a value."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.rules.templates import BadTemplate, parse

BRACES = st.text(st.sampled_from("{}!:.[]0text_ "))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Got it.", "Got it."),
        ("", ""),
        ("{shop} got it", "Roma got it"),
        ("{shop}{shop}", "RomaRoma"),
        ("by {shop}", "by Roma"),
        ("{{shop}}", "{shop}"),
        ("{{{shop}}}", "{Roma}"),
        ("{{}}", "{}"),
        ("a }} b {{ c", "a } b { c"),
        ("100% $shop %(shop)s", "100% $shop %(shop)s"),
        ("\u00e9\U0001f600{shop}\n", "\u00e9\U0001f600Roma\n"),
    ],
)
def test_names_are_filled_in_and_braces_escape(source: str, text: str) -> None:
    """A name in braces is its value; a brace written twice is a brace; nothing else is special."""
    assert parse(source, {}).render({"shop": "Roma"}, 0.0) == text


@pytest.mark.parametrize(
    "source",
    [
        "{shop.__class__}",
        "{shop.__class__.__init__.__globals__}",
        "{shop[0]}",
        "{shop!r}",
        "{shop!s:>10}",
        "{shop:>9999999}",
        "{shop:{text}}",
        "{0}",
        "{}",
        "{ shop }",
        "{a b}",
        "{a-b}",
        "{1a}",
        "{",
        "}",
        "{shop",
        "shop}",
        "{{shop}",
        "{shop!}",
        "{shop[}",
    ],
)
def test_anything_but_a_plain_name_is_refused_with_help(source: str) -> None:
    """No attribute, index, conversion or format reaches into a value; the message says how to write a brace."""
    with pytest.raises(BadTemplate, match=r"write a literal brace twice: \{\{ or \}\}"):
        parse(source, {})


def test_names_are_known_before_any_message_comes() -> None:
    """The file can be checked: a template tells which names it needs, escaped braces not among them."""
    assert parse("{shop} {{from}} {text}{text}", {}).names == {"shop", "text"}


@given(st.text() | BRACES)
def test_value_is_inserted_verbatim(value: str) -> None:
    """Whatever a person texts, braces included, stands in the answer as it came: a value is no template."""
    assert parse("<{text}|{{text}}>", {}).render({"text": value, "shop": "secret"}, 0.0) == f"<{value}|{{text}}>"


@given(st.text() | BRACES)
def test_escaped_text_comes_out_as_it_was(text: str) -> None:
    """Any text can be written in a file by doubling its braces."""
    assert parse(text.replace("{", "{{").replace("}", "}}"), {}).render({}, 0.0) == text


@given(BRACES)
def test_every_source_is_either_refused_or_only_names(source: str) -> None:
    """No source gets past the parser with something in braces that is not a plain name."""
    try:
        template = parse(source, {})
    except BadTemplate:
        return
    assert all(name.isidentifier() for name in template.names)
    marked = template.render(dict.fromkeys(template.names, "\0"), 0.0)
    assume("{{" not in source and "}}" not in source)
    assert "{" not in marked
    assert "}" not in marked
