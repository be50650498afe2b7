"""The documentation as its readers see it: pages, the code in them, links and anchors."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md")))

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<code>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)
_NAMED = re.compile(r"^`(?P<name>[\w./-]+)`:\n\n```\w+\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_ANCHOR = re.compile(r'<a (?:id|name)="([^"]+)"')
_COMMENT = re.compile(r"\s+#\s.*$")


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    language: str
    code: str


def name_of(page: Path) -> str:
    """The page in the name of a test."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *languages: str) -> list[Block]:
    """The fenced blocks of a page, without their indent."""
    found = []
    for fence in _FENCE.finditer(page.read_text()):
        indent = fence["indent"]
        code = "".join(line.removeprefix(indent) for line in fence["code"].splitlines(keepends=True))
        found.append(Block(fence["language"], code))
    return [block for block in found if not languages or block.language in languages]


def named_files(page: Path) -> dict[str, str]:
    """The files that a page shows in full: its name in backticks and a colon, then a block."""
    return {found["name"]: found["code"] for found in _NAMED.finditer(page.read_text())}


def shell_lines(page: Path) -> list[str]:
    """The lines that a reader would type, continued lines joined, without comments."""
    lines = "".join(block.code for block in blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [line for line in (_COMMENT.sub("", line).strip() for line in lines) if line and not line.startswith("#")]


def links(page: Path) -> list[str]:
    """Where the page's own links lead, code excluded."""
    return _LINK.findall(_without_code(page))


def anchors(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them of its headings."""
    text, seen, found = _without_code(page, inline=False), dict[str, int](), set[str]()
    for heading in _HEADING.findall(text):
        slug = _slug(heading)
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found | set(_ANCHOR.findall(text))


def _without_code(page: Path, *, inline: bool = True) -> str:
    text = _FENCE.sub("", page.read_text())
    return re.sub(r"`[^`\n]*`", "code", text) if inline else text


def _slug(heading: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
