"""Charts as SVG, drawn on the server: stacked bars, from counts to markup. Pure.

The bars stretch with the page, so all text stands beside the SVG, as HTML. Nothing is told by colour alone: each series
has a pattern, each bar its numbers as a tooltip, and each chart a sentence for screen readers and a table of its
figures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from markupsafe import Markup

from app.operations.statistics import Slots

WIDTH, HEIGHT = 720.0, 160.0  # of the drawing, in its own units; the page stretches it
LEAST = 1.5  # units: a single message must be seen
GAP = 0.15  # of a slot, between two bars
STEPS = {60.0: ("minute", "one minute"), 900.0: ("15 minutes", "15 minutes"), 3600.0: ("hour", "one hour")}
DAY = 86_400.0
NICE = (1, 2, 4, 6, 8)  # times a power of ten: how the axis of counts may end
# What is drawn over the colour of each series, by position. The first series is plain.
PATTERNS = (
    "",
    '<path class="hatch" d="M-2 2L2-2M0 8L8 0M6 10L10 6"/>',
    '<path class="hatch" d="M-2 6L2 10M0 0L8 8M6-2L10 2"/>',
    '<path class="hatch" d="M0 4H8"/>',
)


@dataclass(frozen=True, slots=True)
class Series:
    """A name, and a count for each slot. Names are unique within a chart."""

    name: str
    counts: Sequence[int]

    @property
    def total(self) -> int:
        """The sum of all slots."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of at most four series, stacked from the first up. `key` is unique on the page."""

    key: str
    title: str
    unit: tuple[str, str]  # what is counted: one, and many
    series: tuple[Series, ...]
    slots: Slots
    zone: tzinfo
    highest: int | None = None  # the most in a slot; None: of this chart alone

    @property
    def stacks(self) -> list[tuple[int, ...]]:
        """The counts of each slot."""
        return list(zip(*(one.counts for one in self.series), strict=True))

    @property
    def total(self) -> int:
        """The sum of everything."""
        return sum(one.total for one in self.series)

    @property
    def top(self) -> int:
        """Where the axis of counts ends."""
        return nice(self.highest or max(map(sum, self.stacks)))

    @property
    def step(self) -> str:
        """The length of a slot in words: "per minute"."""
        return f"per {STEPS[self.slots.seconds][0]}"

    def name_of(self, count: int) -> str:
        """Return "1 message", "2,000 messages"."""
        return f"{count:,} {self.unit[count != 1]}"

    def clock(self, slot: float) -> str:
        """Return when a slot begins: "10:41", in a week "Mon 10:00"."""
        at = datetime.fromtimestamp(self.slots.start + slot * self.slots.seconds, UTC).astimezone(self.zone)
        return f"{at:%a %H:%M}" if self.slots.count * self.slots.seconds > DAY else f"{at:%H:%M}"

    @property
    def zone_name(self) -> str:
        """The name of the zone at the end of the chart."""
        return datetime.fromtimestamp(self.slots.end, UTC).astimezone(self.zone).strftime("%Z")

    @property
    def gist(self) -> str:
        """The chart in a sentence or two."""
        span = f"from {self.clock(0)} to {self.clock(self.slots.count)} {self.zone_name}"
        if not self.total:
            return f"{self.title} {span}: none."
        parts = ", ".join(f"{one.total:,} {one.name}" for one in self.series)
        sums = list(map(sum, self.stacks))
        within = STEPS[self.slots.seconds][1]
        most = f"The most in {within}: {max(sums):,}, at {self.clock(sums.index(max(sums)))}."
        return f"{self.title} {span}: {self.name_of(self.total)}, {parts}. {most}"


def nice(count: int) -> int:
    """Return the next round number, at least 2, so that the middle of the axis is a whole number."""
    power = 1
    while True:
        for factor in NICE:
            if factor * power >= max(count, 2) and factor * power % 2 == 0:
                return factor * power
        power *= 10


def draw(chart: Chart) -> Markup:
    """Return the SVG."""
    lines = (Markup('<path class="grid" d="M0 {y}H{x}"/>').format(y=y, x=_short(WIDTH)) for y in ("0.5", "80", "159.5"))
    return Markup(
        '<svg class="bars" role="img" aria-label="{gist}" viewBox="0 0 {width} {height}" preserveAspectRatio="none">'
        "{patterns}{lines}{bars}</svg>"
    ).format(
        gist=chart.gist,
        width=_short(WIDTH),
        height=_short(HEIGHT),
        patterns=_patterns(chart),
        lines=Markup("").join(lines),
        bars=Markup("").join(_bars(chart)),
    )


def swatch(chart: Chart, index: int) -> Markup:
    """Return a small square that looks like a series, for the legend."""
    square = Markup('<rect width="14" height="14"{}/>').format(_paint(chart, index))
    return Markup('<svg class="swatch" aria-hidden="true" viewBox="0 0 14 14">{}</svg>').format(square)


def busy_slots(charts: Sequence[Chart]) -> list[int]:
    """Return the slots in which any of these charts has something to show."""
    sums = ([sum(counts) for counts in chart.stacks] for chart in charts)
    return [slot for slot, counts in enumerate(zip(*sums, strict=True)) if any(counts)]


def _patterns(chart: Chart) -> Markup:
    drawn = (
        Markup(
            '<pattern id="{key}-{index}" width="8" height="8" patternUnits="userSpaceOnUse">'
            '<rect class="series-{index}" width="8" height="8"/>{over}</pattern>'
        ).format(key=chart.key, index=index, over=Markup(over))  # noqa: S704 - ours
        for index, over in enumerate(PATTERNS[: len(chart.series)])
        if over
    )
    return Markup("<defs>{}</defs>").format(Markup("").join(drawn))


def _paint(chart: Chart, index: int) -> Markup:
    if PATTERNS[index]:
        return Markup(' fill="url(#{}-{})"').format(chart.key, index)
    return Markup(' class="series-{}"').format(index)


def _bars(chart: Chart) -> Iterator[Markup]:
    """Yield a group for each slot in which something was counted."""
    wide, top = WIDTH / chart.slots.count, chart.top
    for slot, counts in enumerate(chart.stacks):
        if not any(counts):
            continue
        x, y = (slot + GAP / 2) * wide, HEIGHT
        parts = [Markup("<g><title>{}</title>").format(_told(chart, slot, counts))]
        for index, high in enumerate(heights(counts, top)):
            if high:
                y -= high
                shape = _short(x), _short(y), _short(wide * (1 - GAP)), _short(high)
                rect = Markup('<rect x="{}" y="{}" width="{}" height="{}"{}/>')
                parts.append(rect.format(*shape, _paint(chart, index)))
        yield Markup("").join([*parts, Markup("</g>")])


def heights(counts: Sequence[int], top: int) -> list[float]:
    """Return how high each part of a bar is: in proportion, but visible, and together not above the axis."""
    high = [max(count / top * HEIGHT, LEAST) if count else 0.0 for count in counts]
    high[high.index(max(high))] -= max(sum(high) - HEIGHT, 0.0)
    return high


def _told(chart: Chart, slot: int, counts: Sequence[int]) -> str:
    parts = [f"{count:,} {one.name}" for one, count in zip(chart.series, counts, strict=True) if count]
    return f"{chart.clock(slot)}: {', '.join(parts)}"


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
