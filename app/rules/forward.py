"""Kind `forward`: the message goes to other phones, and perhaps a text to the sender."""

from dataclasses import dataclass
from typing import ClassVar

from app.plivo.messages import Outgoing
from app.rules.rule import Answers, Ask, Passes
from app.rules.templates import Template
from app.rules.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Options:
    """`forward = "+33.."`, with `forward_text` to them and `text` to the sender."""

    KEY: ClassVar[str] = "forward"
    forward: tuple[str, ...]
    forward_text: str = "{from}: {text}"
    text: str | None = None

    def build(self, workshop: Workshop) -> "Forward":
        """The action."""
        if not self.forward:
            workshop.fault("forward", "name at least one number")
        return Forward(
            tuple(dict.fromkeys(workshop.number("forward", number) for number in self.forward)),
            workshop.template("forward_text", self.forward_text),
            workshop.template("text", self.text) if self.text is not None else None,
        )


@dataclass(frozen=True, slots=True)
class Forward:
    """Answers, unless the only person to forward to is the one who wrote, or the number itself."""

    always_answers: ClassVar[bool] = False
    calls_out: ClassVar[bool] = False
    has_cooldown: ClassVar[bool] = False

    to: tuple[str, ...]
    template: Template
    text: Template | None

    async def __call__(self, ask: Ask) -> Answers | Passes:
        """One message to the others, before the one to the sender."""
        others = tuple(number for number in self.to if number not in (ask.message.sender, ask.src))
        if not others:
            return Passes("forward: nobody but the sender or the number itself")
        forwarded = Outgoing(ask.src, others, self.template.render(ask.values, ask.at))
        reply = ask.reply(self.text.render(ask.values, ask.at), "").messages if self.text else ()
        return Answers((forwarded, *reply), f"forwarded to {len(others)}")
