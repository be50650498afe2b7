"""What happens to calls. An application decides that too, so linking a number to another one changes it. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.plivo.numbers import show
from app.provisioning.values import ANSWER_URL, AccountNumber, AccountState, Application, Field

ASK = 'say in the file which one counts: [plivo] answer_url = "https://.."'
_NAMED = 3  # numbers in one warning; of more, the rest is counted

Voice = Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class VoiceChoice:
    """The voice fields that the application is to have, and what there is to say about them."""

    fields: Voice
    warnings: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Source:
    """Numbers that have the same application now. `voice` of None: it is no application whose fields can be read."""

    label: str
    numbers: tuple[str, ...]
    voice: Voice | None


def choose_voice(
    state: AccountState,
    current: Application | None,
    linked: Sequence[AccountNumber],
    joining: Sequence[AccountNumber],
    answer_url: str | None,
) -> VoiceChoice:
    """The file's answer_url, else what the numbers had. `linked` lead to `current` already, `joining` do not yet."""
    callable_ones = [number for number in joining if number.receives_calls]
    sources = _sources(state, callable_ones)
    if current and (current.voice or any(number.receives_calls for number in linked)):
        sources.insert(0, _Source(_named(current), (), current.voice))
    chosen = _by_file(sources, answer_url) if answer_url else _as_before(sources)
    own = current.voice if current else {}
    fields = {} if chosen.fields == own else chosen.fields
    bare = [number.number for number in callable_ones if number.app_id is None]
    notes = [] if chosen.error else list(_about_bare(bare, {**own, **fields}.get(ANSWER_URL)))
    return VoiceChoice(fields, (*chosen.warnings, *notes), chosen.error)


def named_numbers(numbers: Sequence[str]) -> str:
    """The first few, and how many more."""
    shown = ", ".join(map(show, numbers[:_NAMED]))
    return f"{shown} and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else shown


def _sources(state: AccountState, numbers: Iterable[AccountNumber]) -> list[_Source]:
    by_application: dict[str, list[str]] = {}
    for number in numbers:
        if number.app_id is not None:
            by_application.setdefault(number.app_id, []).append(number.number)
    found = ((app_id, state.application(app_id), members) for app_id, members in by_application.items())
    return [
        _Source(_named(application), tuple(members), application.voice)
        if application
        else _Source(f"{app_id}, which is no XML application", tuple(members), None)
        for app_id, application, members in found
    ]


def _about_bare(numbers: Sequence[str], answer_url: Field | None) -> Iterator[str]:
    """About numbers that have no application yet."""
    if numbers and answer_url:
        yield f"calls to {named_numbers(numbers)}, without an application until now, will go to {answer_url}"
    elif numbers:
        advice = "if they shall be, set [plivo] answer_url"
        yield f"calls to {named_numbers(numbers)} are not answered: the application has no answer_url; {advice}"


def _by_file(sources: Sequence[_Source], answer_url: str) -> VoiceChoice:
    changed = [source for source in sources if source.numbers and _answer(source) != answer_url]
    warnings = tuple(
        f"calls to {named_numbers(source.numbers)} go to {_answer(source) or 'nobody'} ({source.label}); "
        f"they will go to {answer_url}"
        for source in changed
    )
    only = _only_voice(sources) or {}
    return VoiceChoice(only if only.get(ANSWER_URL) == answer_url else {ANSWER_URL: answer_url}, warnings)


def _as_before(sources: Sequence[_Source]) -> VoiceChoice:
    only = _only_voice(sources)
    if only is not None:
        return VoiceChoice(only)
    each = "; ".join(f"{source.label}: {_answer(source) or 'no answer_url'}" for source in sources)
    return VoiceChoice(
        {}, (f"calls are handled differently ({each})",), f"the numbers have different voice URLs: {ASK}"
    )


def _only_voice(sources: Sequence[_Source]) -> Voice | None:
    """What all have in common; None: they differ, or one cannot be read."""
    voices = [source.voice for source in sources]
    return None if any(voice is None or voice != voices[0] for voice in voices) else (voices or [{}])[0]


def _answer(source: _Source) -> Field | None:
    return source.voice.get(ANSWER_URL) if source.voice else None


def _named(application: Application) -> str:
    return f'application "{application.name}"'
