"""Kind `text`: one text to the sender."""

from dataclasses import dataclass
from typing import ClassVar

from app.rules.rule import Answers, Ask
from app.rules.templates import Template
from app.rules.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Options:
    """`text = ".."`"""

    KEY: ClassVar[str] = "text"
    text: str

    def build(self, workshop: Workshop) -> "Text":
        """The action."""
        return Text(workshop.template("text", self.text))


@dataclass(frozen=True, slots=True)
class Text:
    """Always answers."""

    always_answers: ClassVar[bool] = True
    calls_out: ClassVar[bool] = False
    has_cooldown: ClassVar[bool] = False

    template: Template

    async def __call__(self, ask: Ask) -> Answers:
        """The rendered text."""
        return ask.reply(self.template.render(ask.values, ask.at), "fixed text")
