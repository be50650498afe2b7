"""`--version`: the version, and the commit where it is known."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command import Shell

from app import __version__
from app.cli.version import commit

HASH = "9c1e04b7" + "0123456789abcdef" * 2
OTHER = "f" * 40


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Commands."""
    return Shell(tmp_path, monkeypatch, capsys)


def _checkout(root: Path, **files: str) -> Path:
    """A package in a project, with these files below .git; `__` stands for a slash."""
    for name, content in {"pyproject.toml": "", "app/__init__.py": ""}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    for name, content in files.items():
        file = root / ".git" / name.replace("__", "/").replace("_", "-")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return root / "app"


def test_it_prints_version_and_commit(shell: Shell) -> None:
    """One line, as others print it; in this checkout with a commit."""
    done = shell("--version")
    known = commit()
    assert (done.code, done.err) == (0, "")
    assert done.out == f"plivo-autoreply, version {__version__}{f' ({known})' if known else ''}\n"


def test_the_commit_is_that_of_git() -> None:
    """What git says of this checkout, if git is here and knows it."""
    root = Path(__file__).parents[2]
    try:
        said = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git, or no checkout")
    assert commit() == said.stdout[:8]


@pytest.mark.parametrize(
    "files",
    [
        {"HEAD": f"{HASH}\n"},
        {"HEAD": "ref: refs/heads/main\n", "refs__heads__main": f"{HASH}\n"},
        {
            "HEAD": "ref: refs/heads/main\n",
            "packed_refs": f"# pack-refs\n{OTHER} refs/heads/x\n{HASH} refs/heads/main\n",
        },
    ],
    ids=["detached", "loose", "packed"],
)
def test_a_checkout_is_read_without_git(tmp_path: Path, files: dict[str, str]) -> None:
    """In each form that git writes."""
    assert commit(_checkout(tmp_path, **files)) == "9c1e04b7"


def test_a_worktree_is_read(tmp_path: Path) -> None:
    """Its .git is a file, its HEAD is its own, and the branches are where the repository is."""
    _checkout(tmp_path / "main", refs__heads__topic=f"{HASH}\n", worktrees__w__HEAD="ref: refs/heads/topic\n")
    (tmp_path / "main" / ".git" / "worktrees" / "w" / "commondir").write_text("../..\n")
    package = _checkout(tmp_path / "w")
    (tmp_path / "w" / ".git").write_text(f"gitdir: {tmp_path}/main/.git/worktrees/w\n")
    assert commit(package) == "9c1e04b7"


def test_the_image_brings_it_along(tmp_path: Path) -> None:
    """commit.txt, which the Dockerfile writes, wins; an empty one is a build without the argument."""
    package = _checkout(tmp_path, HEAD=OTHER)
    (package / "commit.txt").write_text(f"{HASH}\n")
    assert commit(package) == "9c1e04b7"
    (package / "commit.txt").write_text("\n")
    assert commit(package) == OTHER[:8]


def _no_project(package: Path) -> None:
    (package.parent / "pyproject.toml").unlink()


def _no_hash(package: Path) -> None:
    (package.parent / ".git" / "HEAD").write_text("something else\n")


def _no_text(package: Path) -> None:
    (package.parent / ".git" / "HEAD").write_bytes(b"\xff\xfe")


@pytest.mark.parametrize("harm", [_no_project, _no_hash, _no_text])
def test_what_is_not_known_is_left_out(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    """An installed package beside a repository of somebody else's, and a .git that cannot be read."""
    package = _checkout(tmp_path, HEAD=HASH)
    harm(package)
    assert commit(package) is None
