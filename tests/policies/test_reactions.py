"""Texts that phones send for a reaction: which ones look like it, and whether they quote us."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policies.reactions import Reaction, quotes, read

OURS = "Open 9-18. Text PRICE for prices."


@pytest.mark.parametrize(
    "text",
    [
        "Liked \u201cOpen 9-18. Text PRICE for prices.\u201d",
        'Liked "Open 9-18. Text PRICE for prices."',
        "liked 'Open 9-18. Text PRICE for prices.'",
        "Loved \u201cOpen 9-18. Text PRICE for prices.\u201d",
        "Disliked \u201cOpen 9-18. Text PRICE for prices.\u201d",
        "Laughed at \u201cOpen 9-18. Text PRICE for prices.\u201d",
        "Emphasized \u201cOpen 9-18. Text PRICE for prices.\u201d",
        "Emphasised \u201cOpen 9-18. Text PRICE for prices.\u201d",
        "Questioned \u201cOpen 9-18. Text PRICE for prices.\u201d ",
        "Removed a heart from \u201cOpen 9-18. Text PRICE for prices.\u201d",
        "Removed an exclamation from \u201cOpen 9-18. Text PRICE for prices.\u201d",
        "Reacted \U0001f602 to \u201cOpen 9-18. Text PRICE for prices.\u201d",
        "Reacted with \u2764\ufe0f to \u201cOpen 9-18. Text PRICE for prices.\u201d",
        "Reacted with a sticker to \u201cOpen 9-18. Text PRICE for prices.\u201d",
        "Removed \U0001f602 from \u201cOpen 9-18. Text PRICE for prices.\u201d",
        '\u2764\ufe0f to "Open 9-18. Text PRICE for prices."',
        "\u200a\u200b\U0001f44d\U0001f3fd\u200b to \u201c\u200aOpen 9-18. Text PRICE for prices.\u200a\u201d",
        "Gef\u00e4llt \u201eOpen 9-18. Text PRICE for prices.\u201c",
        "A aim\u00e9 \u00ab\u00a0Open 9-18. Text PRICE for prices.\u00a0\u00bb",
        "A r\u00e9agi avec \U0001f525 \u00e0 \u00ab Open 9-18. Text PRICE for prices. \u00bb",
        "Le gust\u00f3 \u201cOpen 9-18. Text PRICE for prices.\u201d",
        "Reaccion\u00f3 con \U0001f44d a \u201cOpen 9-18. Text PRICE for prices.\u201d",
        "Liked \u201cOpen 9-18. Text PRICE\u2026\u201d",  # cut by the phone
        "Liked \u201cOpen 9-18. Text PRI...\u201d",
        "Liked \u201cOpen 9-18. Text PRI",  # cut on the way
    ],
)
def test_reaction_that_quotes_our_reply_is_known(text: str) -> None:
    """Whatever the phone, its quotes and its language; a quote that is cut is compared as far as it goes."""
    reaction = read(text)
    assert reaction is not None
    assert quotes(reaction, ["Something else.", OURS])
    assert not quotes(reaction, ["Something else."])


@pytest.mark.parametrize(
    "text",
    [
        "Liked \u201cOpen 9-18.\u201d",  # neither cut nor the whole
        "Liked \u201cSee you at 6\u201d",
        "Liked \u201cText PRICE for prices.\u2026\u201d",  # not its beginning
    ],
)
def test_reaction_to_another_text_is_none_to_us(text: str) -> None:
    """It is answered as any text is."""
    reaction = read(text)
    assert reaction is not None
    assert not quotes(reaction, [OURS])
    assert not quotes(reaction, [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Liked",
        "Liked it",
        "Liked \u201c\u201d",
        f'I liked "{OURS}"',
        f'What does "{OURS}" mean?',
        f'"{OURS}"',
        f'hello to "{OURS}"',
        OURS,
        "PRICE",
        "Laughed at an image of you",
        "an image",
    ],
)
def test_any_other_text_looks_like_no_reaction(text: str) -> None:
    """A person who writes about a reaction, or quotes us in a question, is answered."""
    assert read(text) is None


@pytest.mark.parametrize(
    "text", ["Laughed at an image", "Loved a movie", "\U0001f44d to an image", "Liked an attachment "]
)
def test_reaction_to_a_picture_quotes_nothing(text: str) -> None:
    """It has no words to compare."""
    assert read(text) == Reaction(None)
    assert not quotes(Reaction(None), [OURS, ""])


@given(st.text(), st.sampled_from(["", "Liked ", 'Loved "', "\U0001f44d to \u201c"]))
def test_any_text_can_be_read(text: str, start: str) -> None:
    """Nothing that a person can write raises; a quote is compared with itself."""
    reaction = read(start + text)
    if reaction and reaction.quote is not None:
        assert quotes(reaction, [reaction.quote])
