"""deploy/grafana: the dashboard reads what a running service exposes, and a person can read the dashboard."""

import itertools
import json
import re
from typing import Any

import pytest
from support import promql
from support.deployed import DEPLOY

DASHBOARD = json.loads((DEPLOY / "grafana" / "plivo-autoreply.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TITLES = [panel["title"] for panel in PANELS]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
QUERIED = {name: one["query"]["query"] for name, one in VARIABLES.items() if one["type"] == "query"}
LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
NOT_SHOWN = {"process_virtual_memory_bytes"}  # says nothing about a Python process


def _as_prometheus_gets_it(expression: str) -> str:
    """With the variables replaced as Grafana does it when All is chosen."""
    for name, value in {"__rate_interval": "5m", "__range": "6h", **dict.fromkeys(QUERIED, ".*")}.items():
        expression = expression.replace(f"${name}", value)
    assert "$" not in expression
    return expression


def _expressions(panel: dict[str, Any]) -> list[str]:
    return [_as_prometheus_gets_it(target["expr"]) for target in panel["targets"]]


@pytest.mark.parametrize("panel", PANELS, ids=TITLES)
def test_a_panel_reads_what_a_service_exposes(panel: dict[str, Any], exposed: promql.Exposed) -> None:
    """Each metric, label and value of its queries is there, and each label of a legend is left by the query."""
    for expression, target in zip(_expressions(panel), panel["targets"], strict=True):
        assert promql.faults(expression, exposed) == []
        grouped = {label for labels in re.findall(r"by \(([^)]*)\)", expression) for label in labels.split(", ")}
        shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert shown <= grouped | (set() if grouped else {"instance"})
        assert target["datasource"] == panel["datasource"] == SOURCE


@pytest.mark.parametrize("name", QUERIED)
def test_a_variable_lists_values_that_a_service_exposes(name: str, exposed: promql.Exposed) -> None:
    """Job, instance, route and target are chosen from a list."""
    found = LABEL_VALUES.fullmatch(_as_prometheus_gets_it(QUERIED[name]))
    assert found
    assert promql.faults(found[1], exposed) == []
    (metric,) = promql.names(found[1])
    assert found[2] == name
    assert all(name in labels for labels in exposed[metric])


def test_every_variable_is_used() -> None:
    """What a person chooses has an effect."""
    text = json.dumps(DASHBOARD["panels"])
    assert [name for name in VARIABLES if f"${name}" not in text and f"${{{name}}}" not in text] == []


def test_every_metric_is_on_the_dashboard_or_in_an_alert(exposed: promql.Exposed) -> None:
    """What the service measures is looked at by somebody."""
    rules = (DEPLOY / "prometheus" / "alerts.yml").read_text()
    read = {name for panel in PANELS for expression in _expressions(panel) for name in promql.names(expression)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed if name != "up"} - NOT_SHOWN
    assert {name for name in families if name not in rules and not any(one.startswith(name) for one in read)} == set()


@pytest.mark.parametrize("panel", PANELS, ids=TITLES)
def test_a_panel_explains_itself(panel: dict[str, Any]) -> None:
    """A title, a sentence of what it shows, a unit, and a legend for what may have several series."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    for target in panel["targets"]:
        assert target["legendFormat"]


def test_panels_do_not_overlap() -> None:
    """Each has its place on the grid of 24 columns, and an id of its own."""
    everything = DASHBOARD["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    cells = [_cells(panel["gridPos"]) for panel in everything]
    for one, other in itertools.combinations(cells, 2):
        assert not one & other
    assert all(column < 24 for taken in cells for _, column in taken)


def _cells(place: dict[str, int]) -> set[tuple[int, int]]:
    rows = range(place["y"], place["y"] + place["h"])
    return set(itertools.product(rows, range(place["x"], place["x"] + place["w"])))
