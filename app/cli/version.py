"""The commit that this program was built from. git is not needed.

The image has it in `app/commit.txt`. A checkout has it in `.git`, as described in gitrepository-layout(5).
"""

import re
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
SHORT = 8  # digits, enough to find a commit

_HASH = re.compile(r"[0-9a-f]{40,64}")


def commit(package: Path = PACKAGE) -> str | None:
    """Return the first digits of the commit; None if it is not known, as in a wheel without it."""
    found = _first_line(package / "commit.txt") or _checked_out(package.parent)
    return found[:SHORT] if found and _HASH.fullmatch(found) else None


def _checked_out(root: Path) -> str | None:
    """Return the commit of the checkout that the package is in."""
    if not (root / "pyproject.toml").is_file():  # installed into an environment
        return None
    git = root / ".git"
    if pointer := _first_line(git):  # a worktree has a file, which names its folder
        git = root / pointer.removeprefix("gitdir: ")
    head = _first_line(git / "HEAD")
    if head is None or not head.startswith("ref: "):
        return head
    shared = git / (_first_line(git / "commondir") or "")
    name = head.removeprefix("ref: ")
    return _first_line(shared / name) or _packed(shared / "packed-refs", name)


def _packed(file: Path, name: str) -> str | None:
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return next((line.partition(" ")[0] for line in lines if line.endswith(f" {name}")), None)


def _first_line(file: Path) -> str | None:
    try:
        return file.read_text("utf-8").partition("\n")[0].strip() or None
    except (OSError, UnicodeDecodeError):
        return None
