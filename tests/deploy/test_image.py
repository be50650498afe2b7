"""The image: its labels, its commit, its bill of materials; and which platforms its requirements are for."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from app import __version__

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LABELS = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', DOCKERFILE))


def test_the_labels_are_those_of_the_project() -> None:
    """Title, description and licence as in pyproject.toml; what only a build knows is an argument of it."""
    said = {"title": PROJECT["name"], "description": PROJECT["description"], "licenses": PROJECT["license"]}
    arguments = {name: f"${name.upper()}" for name in ("version", "created", "source")} | {"revision": "$COMMIT"}
    assert said | arguments == LABELS
    final = DOCKERFILE[DOCKERFILE.rindex("FROM ") :]
    for argument in arguments.values():
        assert f"\nARG {argument[1:]}=" in final
    assert f"\nARG VERSION={__version__}\n" in final


def test_the_program_learns_its_commit_before_it_is_packed() -> None:
    """commit.txt is in the package when the wheel is built; a build folder never brings one."""
    written = DOCKERFILE.index('echo "$COMMIT" > app/commit.txt')
    assert DOCKERFILE.index('ARG COMMIT=""') < written < DOCKERFILE.index("pip wheel")
    assert "app/commit.txt" in (ROOT / ".gitignore").read_text()


def test_compiled_code_stays() -> None:
    """Without __pycache__ the image would be a third smaller, and every start and command a second slower."""
    assert "--no-compile" not in DOCKERFILE
    assert "__pycache__" not in DOCKERFILE


def test_the_bill_of_materials_names_each_pinned_package(tmp_path: Path) -> None:
    """CycloneDX, which its own tool validates: name, version, licence and package URL of all that is installed."""
    file = tmp_path / "sbom.json"
    tool = [str(Path(sys.executable).with_name("cyclonedx-py")), "environment", "--output-reproducible", "--sv", "1.6"]
    subprocess.run([*tool, "-o", str(file), sys.executable], check=True, capture_output=True)
    found: dict[str, Any] = {canonicalize_name(one["name"]): one for one in json.loads(file.read_text())["components"]}
    ours = found["plivo-autoreply"]
    assert ours["version"] == __version__
    assert ours["licenses"][0]["license"]["id"] == PROJECT["license"]
    for pin in _pins():
        component = found[canonicalize_name(pin.name)]
        assert f"=={component['version']}" == str(pin.specifier)
        assert component["purl"] == f"pkg:pypi/{canonicalize_name(pin.name)}@{component['version']}"


def _pins() -> list[Requirement]:
    text = (ROOT / "requirements" / "service.txt").read_text().replace("\\\n", "")
    lines = [line.partition(" --hash")[0] for line in text.splitlines() if re.match("[a-z]", line)]
    return [Requirement(line) for line in lines]


def test_make_and_the_image_write_the_same_bill() -> None:
    """One tool with the same options, in the Makefile and in the Dockerfile."""
    command = "cyclonedx-py environment --output-reproducible --sv 1.6"
    assert command in DOCKERFILE
    assert command in (ROOT / "Makefile").read_text()
