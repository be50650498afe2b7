"""Links between pages lead to pages and headings that exist; the README stays short."""

from pathlib import Path

import pytest
from support.pages import DOCS, PAGES, ROOT, anchors, links, name_of

ELSEWHERE = ("https://", "http://", "mailto:")
SOURCES = (  # whose pages may be cited: Plivo's, standards', and those of programs and libraries that we use
    "https://console.plivo.com/", "https://docs.plivo.com/", "https://support.plivo.com/", "https://www.plivo.com/",
    "https://www.standardwebhooks.com/", "https://www.w3.org/", "https://www.rfc-editor.org/", "https://semver.org/",
    "https://keepachangelog.com/", "https://wiki.openstreetmap.org/", "https://github.com/google/re2",
    "https://holidays.readthedocs.io",
)  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_within_the_repository_resolve(page: Path) -> None:
    """A reader who follows a link arrives at a file, and at the heading that the link names."""
    broken = [link for link in links(page) if not link.startswith(ELSEWHERE) and not _resolves(page, link)]
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_only_primary_sources_are_cited(page: Path) -> None:
    """What a page claims about Plivo or a standard is backed by their own pages."""
    assert [link for link in links(page) if link.startswith(ELSEWHERE) and not link.startswith(SOURCES)] == []


def test_every_page_is_in_the_index() -> None:
    """A page that no list names is not found."""
    index = DOCS / "README.md"
    listed = {(DOCS / link.partition("#")[0]).resolve() for link in links(index)}
    listed |= {(DOCS / "rules" / link.partition("#")[0]).resolve() for link in links(DOCS / "rules" / "README.md")}
    assert [name_of(page) for page in PAGES if DOCS in page.parents and page not in (*listed, index)] == []


def test_the_readme_is_short() -> None:
    """It promises, shows, and sends on."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def _resolves(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    return target.exists() and (not anchor or anchor in anchors(target))
