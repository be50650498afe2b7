"""Expressions of PromQL, parsed by Prometheus' grammar, against the series that a service exposes."""

import re
from collections.abc import Iterator, Mapping, Sequence

import promql_parser
from promql_parser import AggModifierType, AggregateExpr, Expr, MatchOp, VectorSelector

from support import scrape

Exposed = Mapping[str, Sequence[Mapping[str, str]]]  # name: the labels of each series

OF_PROMETHEUS = {"job": "autoreply", "instance": "127.0.0.1:9090"}  # added to what it scrapes


def exposed(series: scrape.Series) -> Exposed:
    """The series as Prometheus stores them, `up` included."""
    found: dict[str, list[Mapping[str, str]]] = {"up": [OF_PROMETHEUS]}
    for name, labels in series:
        found.setdefault(name, []).append({**dict(labels), **OF_PROMETHEUS})
    return found


def faults(expression: str, series: Exposed) -> list[str]:
    """What in an expression can never find anything: metrics, labels, values. Raises `ValueError` for bad syntax."""
    found: list[str] = []

    def visit(node: Expr) -> None:
        if isinstance(node, VectorSelector):
            found.extend(_of_selector(node, series))
        elif isinstance(node, AggregateExpr) and node.modifier:
            assert node.modifier.type == AggModifierType.By, "without: labels that nobody has seen would stay"
            found.extend(_of_grouping(node.modifier.labels, node.expr, series))

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def names(expression: str) -> set[str]:
    """The metrics that an expression reads."""
    return {str(selector.name) for selector in _selectors(promql_parser.parse(expression))}


def _selectors(expression: Expr) -> list[VectorSelector]:
    found: list[VectorSelector] = []

    def visit(node: Expr) -> None:
        if isinstance(node, VectorSelector):
            found.append(node)

    promql_parser.walk(expression, visit)
    return found


def _of_selector(selector: VectorSelector, series: Exposed) -> Iterator[str]:
    name = str(selector.name)
    if name not in series:
        yield f"no metric {name}"
        return
    for matcher in selector.matchers.matchers:
        values = {labels[matcher.name] for labels in series[name] if matcher.name in labels}
        if not values:
            yield f"{name} has no label {matcher.name}"
        elif matcher.op == MatchOp.Equal and matcher.value not in values:
            yield f"{name} has no {matcher.name}={matcher.value}"
        elif matcher.op == MatchOp.Re and (missing := _alternatives_without(matcher.value, values)):
            yield f"{name} has no {matcher.name}={missing}"


def _alternatives_without(pattern: str, values: set[str]) -> list[str]:
    return [one for one in pattern.split("|") if not any(re.fullmatch(one, value) for value in values)]


def _of_grouping(labels: Sequence[str], below: Expr, series: Exposed) -> Iterator[str]:
    for selector in _selectors(below):
        for label in labels:
            if not any(label in one for one in series.get(str(selector.name), ())):
                yield f"{selector.name} has no label {label} to group by"
