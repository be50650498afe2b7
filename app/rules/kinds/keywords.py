"""Kind `keywords`: a text for each keyword. A keyword has one of three forms, compared after folding (`folding.py`):

    "HOURS | OPEN"  the whole text          "INFO *"  its first word          "* PRICE *"  any word

The whole text takes precedence over the first word, that over any word, and then the order of the file counts. Only
dict look-ups are made: the cost grows with the length of a message, not with the number of keywords.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from app import folding
from app.frozen import frozen
from app.notation import Doc, Example
from app.plivo.messages import InboundMessage
from app.rules.compiler import RuleCompiler
from app.rules.outcome import Answers, Passes
from app.rules.rule import Cooldown, CooldownOptions, RuleContext
from app.rules.templates import Template

Form = Literal["whole", "first", "any"]

_LOOKS_LIKE_A_PATTERN = re.compile(r"\\[dwsb]|\(\?|\.\*|\[[^\]]{2,}\]|^\^|\$$|[^\W\d]\+(?!\+)")


@dataclass(frozen=True, slots=True)
class Entry(CooldownOptions):
    """A keyword's value: a text, or a table with a text and a cooldown of its own."""

    text: Annotated[str, Example("Open Mon-Fri 9:00-18:00."), Doc("The reply.")]


@dataclass(frozen=True, slots=True)
class KeywordsOptions:
    """The options of a `keywords` rule: the table `[rules.x.keywords]`."""

    KEY: ClassVar[str] = "keywords"
    keywords: Annotated[
        Mapping[str, str | Entry],
        Example({"HOURS | OPEN": "Open 9-18.", "* PRICE *": {"text": "From 9 euros.", "cooldown": "10m"}}),
        Doc('A reply for each keyword: `"WORD"` is the whole text, `"WORD *"` its first word, `"* WORD *"` any word.'),
    ]

    def build(self, compiler: RuleCompiler) -> "Keywords":
        """Build the action. Two keywords that are equal after folding are a fault."""
        if not self.keywords:
            compiler.fault("keywords", 'no keyword; add one, for example "HOURS" = "Open 9-18"')
        compiler = compiler.at("keywords")
        forms: dict[Form, dict[str, Keyword]] = {"whole": {}, "first": {}, "any": {}}
        for order, (source, value) in enumerate(self.keywords.items()):
            entry = value if isinstance(value, Entry) else Entry(value)
            own, key = (compiler.at(source), "text") if isinstance(value, Entry) else (compiler, source)
            keyword = Keyword(order, source, own.template(key, entry.text), entry.build())
            for form, phrase in _alternatives(source, compiler):
                other = forms[form].setdefault(phrase, keyword)
                if other is not keyword:
                    message = (
                        f'means the same as "{other.source}"; case, accents and punctuation do not count: join them'
                    )
                    compiler.fault(source, message, about="key")
        has_cooldown = any(keyword.cooldown for form in forms.values() for keyword in form.values())
        return Keywords(forms["whole"], Phrases.of(forms["first"]), Phrases.of(forms["any"]), has_cooldown)


@dataclass(frozen=True, slots=True)
class Keyword:
    """One keyword of the file, compiled."""

    order: int
    source: str
    template: Template
    cooldown: Cooldown | None = None

    @property
    def reason(self) -> str:
        """Why its rule answers."""
        return f"keyword {self.source!r}"

    def key(self, rule: str) -> str:
        """Return the key of its cooldown in a rule."""
        return f"{rule}: {self.source}"


@frozen
class FoundKeyword:
    """A keyword found in a message, and the original text that follows it."""

    keyword: Keyword
    rest: str


@dataclass(frozen=True, slots=True)
class Phrases:
    """The keywords of one form, by folded phrase.

    `longest` is the number of words of the longest phrase, and the most look-ups for each word of a message.
    `beginnings` are the first words of the phrases.
    """

    keywords: Mapping[str, Keyword]
    longest: int
    beginnings: frozenset[str]

    @classmethod
    def of(cls, keywords: Mapping[str, Keyword]) -> Self:
        """Create phrases from their keywords. The rest is computed here, at load."""
        longest = max((phrase.count(" ") + 1 for phrase in keywords), default=0)
        return cls(keywords, longest, frozenset(phrase.partition(" ")[0] for phrase in keywords))

    def at_start(self, words: Sequence[folding.Word]) -> Iterator[tuple[Keyword, int]]:
        """Yield the keywords that the words begin with, each with the index in the text at which it ends."""
        for count in range(1, min(self.longest, len(words)) + 1):
            if keyword := self.keywords.get(" ".join(word.folded for word in words[:count])):
                yield keyword, words[count - 1].end

    def anywhere(self, words: Sequence[folding.Word]) -> Iterator[Keyword]:
        """Yield the keywords that are found anywhere among the words."""
        for start, word in enumerate(words):
            if word.folded in self.beginnings:
                for keyword, _ in self.at_start(words[start : start + self.longest]):
                    yield keyword


@dataclass(frozen=True, slots=True)
class Keywords:
    """The action of a `keywords` rule. It answers with the text of the best keyword, and passes if there is none."""

    always_answers: ClassVar[bool] = False
    calls_out: ClassVar[bool] = False

    whole: Mapping[str, Keyword]
    first: Phrases
    any: Phrases
    has_cooldown: bool  # whether any keyword has one

    @property
    def every(self) -> tuple[Keyword, ...]:
        """Every keyword, once."""
        forms = (self.whole, self.first.keywords, self.any.keywords)
        return tuple({one.source: one for form in forms for one in form.values()}.values())

    async def __call__(self, context: RuleContext) -> Answers | Passes:
        """Return the text of the best keyword."""
        found = self.find(context.message)
        if found is None:
            return Passes("keywords: no keyword in the text")
        keyword, key = found.keyword, found.keyword.key(context.rule)
        if keyword.cooldown and (instead := keyword.cooldown.check(context, key)):
            return instead
        text = context.write(keyword.template, rest=found.rest)
        answer = context.reply(text, keyword.reason)
        return keyword.cooldown.use(answer, key) if keyword.cooldown else answer

    def find(self, message: InboundMessage) -> FoundKeyword | None:
        """Return the best keyword in a message, or None."""
        words = message.words
        if whole := self.whole.get(message.phrase):
            return FoundKeyword(whole, "")
        if words and words[0].folded in self.first.beginnings:
            first = min(self.first.at_start(words), key=lambda start: start[0].order, default=None)
            if first:
                return FoundKeyword(first[0], message.text[first[1] :].strip())
        if self.any.keywords:
            inside = min(self.any.anywhere(words), key=lambda keyword: keyword.order, default=None)
            return FoundKeyword(inside, "") if inside else None
        return None


def _alternatives(source: str, compiler: RuleCompiler) -> Iterator[tuple[Form, str]]:
    if _LOOKS_LIKE_A_PATTERN.search(source):
        compiler.fault(
            source,
            "looks like a pattern, but keywords are plain words; for a pattern, write a rule with `match`",
            "warning",
            about="key",
        )
    for part in source.split("|"):
        form, words = _form(part.strip())
        phrase = folding.phrase(words)
        if form is None or "*" in words or not phrase:
            message = f'"{part.strip()}" is not a keyword; write "WORD" (the whole text), "WORD *" or "* WORD *"'
            compiler.fault(source, message, about="key")
        else:
            yield form, phrase


def _form(part: str) -> tuple[Form | None, str]:
    if part.startswith("* ") and part.endswith(" *"):
        return "any", part[2:-2]
    if part.startswith("* "):
        return None, part
    return ("first", part[:-2]) if part.endswith(" *") else ("whole", part)
