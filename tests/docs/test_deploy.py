"""docs/deploy.md names the files of deploy/, all of them, and commands that exist."""

import re
import tomllib
from pathlib import Path

import pytest
from support.deployed import DEPLOY

ROOT = DEPLOY.parent
PAGE = (ROOT / "docs" / "deploy.md").read_text()
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
NAMED = set(re.findall(r"deploy/[\w./-]*\w", PAGE))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DEPLOY)))
def test_each_file_is_on_the_page(file: Path) -> None:
    """By its path, or by that of its folder if kubectl takes the folder."""
    name = str(file.relative_to(ROOT))
    assert name in NAMED or "kubernetes" in file.parts


def test_each_path_on_the_page_exists() -> None:
    """An operator who copies a command finds the file."""
    assert [name for name in NAMED if not (ROOT / name).exists()] == []


def test_the_figures_of_the_page_are_those_of_the_files() -> None:
    """The tested API versions, the build arguments, and what the metrics job is called."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    for argument in re.findall(r"--build-arg (\w+)=", PAGE):
        assert f"\nARG {argument}=" in dockerfile
    assert "CPython 3.13" in PAGE
    assert "FROM python:3.13-slim" in dockerfile
    tests = (ROOT / "tests" / "deploy" / "test_kubernetes.py").read_text()
    for version in re.findall(r"Kubernetes API (\S+) and ([\d.]+)", PAGE)[0]:
        assert f'"{version}"' in tests
    assert "sbom" in tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
