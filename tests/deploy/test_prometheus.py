"""deploy/prometheus: each alert can fire on what a running service exposes, and says what to do."""

import re
from typing import Any

import pytest
from support import deployed, promql
from support.deployed import DEPLOY

RULES = DEPLOY / "prometheus" / "alerts.yml"
RUNBOOK = DEPLOY.parent / "docs" / "runbook.md"
(FILE,) = deployed.documents(RULES)
ALERTS: list[dict[str, Any]] = [alert for group in FILE["groups"] for alert in group["rules"]]
NAMES = [alert["alert"] for alert in ALERTS]
KEYS = {"alert", "expr", "for", "labels", "annotations"}


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_the_expression_reads_what_a_service_exposes(alert: dict[str, Any], exposed: promql.Exposed) -> None:
    """Each metric, label and value in the expression is there on /metrics after traffic."""
    assert promql.faults(alert["expr"], exposed) == []


def test_a_wrong_expression_would_be_found(exposed: promql.Exposed) -> None:
    """Names, labels, values and groupings that no service exposes."""
    assert promql.faults("autoreply_message_total", exposed) == ["no metric autoreply_message_total"]
    assert promql.faults('autoreply_ready{route="x"}', exposed) == ["autoreply_ready has no label route"]
    wrong = 'autoreply_messages_total{outcome=~"failed|lost"}'
    assert promql.faults(wrong, exposed) == ["autoreply_messages_total has no outcome=['lost']"]
    assert promql.faults("sum by (rule) (autoreply_ready)", exposed) == [
        "autoreply_ready has no label rule to group by"
    ]
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        promql.faults("sum(autoreply_ready", exposed)


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_an_alert_says_what_is_wrong_and_what_to_do(alert: dict[str, Any]) -> None:
    """A severity, one line, a paragraph, and the place in the runbook that is named after the alert."""
    assert alert.keys() <= KEYS
    assert alert["labels"].keys() == {"severity"}
    assert alert["labels"]["severity"] in ("critical", "warning")
    texts = alert["annotations"]
    assert texts.keys() == {"summary", "description", "runbook_url"}
    assert len(texts["summary"]) < 80
    assert texts["description"].endswith((".", "`."))
    assert texts["runbook_url"] == f"docs/runbook.md#{alert['alert'].lower()}"


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_a_moment_wakes_nobody(alert: dict[str, Any]) -> None:
    """What compares a level waits for a while; what counts looks back for at least ten minutes."""
    assert "for" in alert or re.search(r"\[(1\dm|[3-5]\dm|\dh)\]", alert["expr"])
    if alert["labels"]["severity"] == "critical":
        assert "for" in alert


def test_names_are_unique() -> None:
    """One name, one alert, one place in the runbook."""
    assert len(set(NAMES)) == len(NAMES)
    assert all(re.fullmatch(r"Autoreply([A-Z][a-z0-9]+)+\d?", name) for name in NAMES)


def test_the_runbook_has_each_place() -> None:
    """A link in a page at night leads to a heading, or to an anchor, of that name."""
    text = RUNBOOK.read_text()
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    headings = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    anchors = headings | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))
    assert [name for name in NAMES if name.lower() not in anchors] == []


def test_the_job_is_that_of_the_scrape_configuration() -> None:
    """`up` and the figures of the process are selected by the job_name of the example."""
    for name in ("prometheus.example.yml", "prometheus.kubernetes.example.yml"):
        (example,) = deployed.documents(DEPLOY / "prometheus" / name)
        (job,) = example["scrape_configs"]
        assert example["rule_files"] == [RULES.name]
        assert set(re.findall(r'job="([^"]*)"', RULES.read_text())) == {job["job_name"]}


def test_kubernetes_is_scraped_where_the_manifests_say() -> None:
    """The namespace of kustomization.yaml, and the name of the port of the admin socket."""
    (example,) = deployed.documents(DEPLOY / "prometheus" / "prometheus.kubernetes.example.yml")
    (job,) = example["scrape_configs"]
    (kustomization,) = deployed.documents(DEPLOY / "kubernetes" / "kustomization.yaml")
    (pods,) = job["kubernetes_sd_configs"]
    assert pods["namespaces"]["names"] == [kustomization["namespace"]]
    (deployment,) = deployed.documents(DEPLOY / "kubernetes" / "deployment.yaml")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert job["relabel_configs"][0]["regex"] in [port["name"] for port in container["ports"]]
