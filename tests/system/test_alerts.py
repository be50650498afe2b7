"""deploy/prometheus, evaluated by Prometheus' own tool: each alert fires on the state that it names, on no other."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import deployed
from support.deployed import DEPLOY

RULES = DEPLOY / "prometheus" / "alerts.yml"
(FILE,) = deployed.documents(RULES)
ALERTS = [alert["alert"] for group in FILE["groups"] for alert in group["rules"]]
Series = Mapping[str, str]  # a series in PromQL: its values each minute, in promtool's notation

HERE = 'job="autoreply",instance="a"'
THERE = 'job="autoreply",instance="b"'
MINUTES = 180
UP = {f"up{{{HERE}}}": f"1x{MINUTES}"}
HEALTHY = UP | {
    f"autoreply_ready{{{HERE}}}": f"1x{MINUTES}",
    f"autoreply_survey_age_seconds{{{HERE}}}": f"5x{MINUTES}",
    f"process_start_time_seconds{{{HERE}}}": f"1000x{MINUTES}",
    f"process_open_fds{{{HERE}}}": f"30x{MINUTES}",
    f"process_max_fds{{{HERE}}}": f"8192x{MINUTES}",
    f'autoreply_config_info{{{HERE},config="c",version="1",signature="any"}}': f"1x{MINUTES}",
    f'autoreply_messages_total{{{HERE},route="shop",outcome="answered"}}': f"0+60x{MINUTES}",
    f'autoreply_messages_total{{{HERE},route="shop",outcome="given_up"}}': f"0x{MINUTES}",
    f'autoreply_accepted_total{{{HERE},endpoint="message",signed_by="V3"}}': f"0+60x{MINUTES}",
    f'autoreply_refused_total{{{HERE},endpoint="message",status="403",reason="unsigned"}}': f"0+60x{MINUTES}",
    f'autoreply_refused_total{{{HERE},endpoint="message",status="403",reason="forged"}}': f"0x{MINUTES}",
    f'autoreply_connections_dropped_total{{{HERE},reason="bad_request"}}': f"0+60x{MINUTES}",
    f'autoreply_answer_seconds_bucket{{{HERE},endpoint="message",le="0.05"}}': f"0+60x{MINUTES}",
    f'autoreply_answer_seconds_bucket{{{HERE},endpoint="message",le="+Inf"}}': f"0+60x{MINUTES}",
    f'autoreply_reports_total{{{HERE},status="delivered"}}': f"0+60x{MINUTES}",
    f'autoreply_reports_total{{{HERE},status="failed"}}': f"0+6x{MINUTES}",
    f'autoreply_deliveries_total{{{HERE},target="crm",outcome="again"}}': f"0+1x{MINUTES}",
    f'autoreply_deliveries_total{{{HERE},target="crm",outcome="dead"}}': f"0x{MINUTES}",
    f'autoreply_deliveries_capped_total{{{HERE},target="crm"}}': f"0x{MINUTES}",
    f'autoreply_target_paused{{{HERE},target="crm"}}': f"0x{MINUTES}",
    f'autoreply_deliveries_due{{{HERE},target="crm"}}': f"50x{MINUTES}",
    f'autoreply_deliveries_due_limit{{{HERE},target="crm"}}': f"1000x{MINUTES}",
    f'autoreply_deliveries_oldest_seconds{{{HERE},target="crm"}}': f"20x{MINUTES}",
    f'autoreply_spending_units{{{HERE},route="(all)",window="1d"}}': f"100x{MINUTES}",
    f'autoreply_spending_limit_units{{{HERE},route="(all)",window="1d"}}': f"5000x{MINUTES}",
    f"autoreply_disk_free_bytes{{{HERE}}}": f"9e9x{MINUTES}",
    f"autoreply_disk_reserve_bytes{{{HERE}}}": f"2e8x{MINUTES}",
    f'autoreply_store_commit_seconds_bucket{{{HERE},le="0.005"}}': f"0+60x{MINUTES}",
    f'autoreply_store_commit_seconds_bucket{{{HERE},le="+Inf"}}': f"0+60x{MINUTES}",
    f"autoreply_lost_log_lines_total{{{HERE}}}": f"0x{MINUTES}",
    f'autoreply_reloads_total{{{HERE},outcome="failed"}}': f"0x{MINUTES}",
}


def _refused(status: str, reason: str) -> str:
    return f'autoreply_refused_total{{{HERE},endpoint="message",status="{status}",reason="{reason}"}}'


def _level(name: str, more: str = "") -> str:
    return f"autoreply_{name}{{{HERE}{more}}}"


CRM, SHOP, ALL = ',target="crm"', ',route="shop"', ',route="(all)",window="1d"'
GROWS, ONCE = f"0+1x{MINUTES}", f"0x{MINUTES - 10} 1x10"
FAULTS: dict[str, Series] = {  # what differs from a healthy service
    "AutoreplyDown": {f"up{{{HERE}}}": f"1x{MINUTES - 5} 0x5"},
    "AutoreplyInstanceDown": {f"up{{{THERE}}}": f"0x{MINUTES}"},
    "AutoreplyRestarting": {f"process_start_time_seconds{{{HERE}}}": f"1000+300x{MINUTES}"},
    "AutoreplyNotReady": {_level("ready"): f"1x{MINUTES - 3} 0x3"},
    "AutoreplyInstanceNotReady": {f"autoreply_ready{{{THERE}}}": f"0x{MINUTES}"},
    "AutoreplyAllCallsRefused": {
        _refused("403", "forged"): GROWS,
        f'autoreply_accepted_total{{{HERE},endpoint="message",signed_by="V3"}}': f"5x{MINUTES}",
    },
    "AutoreplySomeCallsRefused": {_refused("403", "forged"): GROWS},
    "AutoreplyWrongUrl": {f'autoreply_refused_total{{{HERE},endpoint="(none)",status="404",reason="not_found"}}': ONCE},
    "AutoreplyUnsignedAccepted": {
        f'autoreply_config_info{{{HERE},config="c",version="1",signature="any"}}': "_",
        f'autoreply_config_info{{{HERE},config="c",version="1",signature="log-only"}}': f"1x{MINUTES}",
    },
    "AutoreplySignatureReused": {_refused("403", "reused"): ONCE},
    "AutoreplyV2BesideV3": {_level("v2_beside_v3_total"): ONCE},
    "AutoreplyConnectionsFull": {_level("connections_dropped_total", ',reason="connections"'): ONCE},
    "AutoreplyUnhandledException": {_refused("500", "fault"): ONCE},
    "AutoreplyGivenUp": {_level("messages_total", SHOP + ',outcome="given_up"'): ONCE},
    "AutoreplyRuleFailing": {_level("rule_failures_total", SHOP + ',rule="bot"'): GROWS},
    "AutoreplySlowAnswers": {
        _level("answer_seconds_bucket", ',endpoint="message",le="0.05"'): f"0+30x{MINUTES}",
        _level("answer_seconds_bucket", ',endpoint="message",le="8"'): f"0+60x{MINUTES}",
    },
    "AutoreplyPlivoCallsAgain": {_refused("503", "deadline"): GROWS},
    "AutoreplySpendingCapReached": {_level("spending_units", ALL): f"5000x{MINUTES}"},
    "AutoreplySpendingNearCap": {_level("spending_units", ALL): f"4500x{MINUTES}"},
    "AutoreplyRepliesLimited": {_level("limited_total", SHOP + ',limit="same_text"'): GROWS},
    "AutoreplyUndelivered": {_level("reports_total", ',status="failed"'): f"0+90x{MINUTES}"},
    "AutoreplyDeadDeliveries": {_level("deliveries_total", CRM + ',outcome="dead"'): ONCE},
    "AutoreplyTargetPaused": {
        _level("target_paused", CRM): f"1x{MINUTES}",
        _level("deliveries_oldest_seconds", CRM): f"0+60x{MINUTES}",  # it is not also behind
    },
    "AutoreplyTargetBehind": {_level("deliveries_oldest_seconds", CRM): f"0+60x{MINUTES}"},
    "AutoreplyQueueNearlyFull": {_level("deliveries_due", CRM): f"900x{MINUTES}"},
    "AutoreplyDiskFull": {_level("disk_free_bytes"): f"1e8x{MINUTES}"},
    "AutoreplyDiskFilling": {_level("disk_free_bytes"): f"5e8x{MINUTES}"},
    "AutoreplySlowStore": {
        _level("store_commit_seconds_bucket", ',le="0.005"'): f"0+30x{MINUTES}",
        _level("store_commit_seconds_bucket", ',le="2.5"'): f"0+60x{MINUTES}",
    },
    "AutoreplyLogLinesLost": {_level("lost_log_lines_total"): GROWS},
    "AutoreplyFileDescriptors": {f"process_open_fds{{{HERE}}}": f"8000x{MINUTES}"},
    "AutoreplyReloadFailed": {_level("reloads_total", ',outcome="failed"'): ONCE},
    "AutoreplyReplicasDiffer": {
        f'autoreply_config_info{{{THERE},config="d",version="1",signature="any"}}': f"1x{MINUTES}",
    },
}
LEVELS = [  # what a restart, a scrape that fails, or an update of a replica does for a moment
    {f"up{{{HERE}}}": f"1x{MINUTES - 1} 0"},
    {_level("ready"): f"1x{MINUTES - 1} 0"},
    {_level("target_paused", CRM): f"0x{MINUTES - 10} 1x10"},
    {_level("disk_free_bytes"): f"9e9x{MINUTES} 1e8"},
    {f"process_start_time_seconds{{{HERE}}}": f"1000x{MINUTES - 9} 9000x9"},
    {f'autoreply_config_info{{{THERE},config="d",version="1",signature="any"}}': f"_x{MINUTES - 20} 1x20"},
]


def _firing(folder: Path, series: Series, expected: list[str]) -> str:
    """What promtool says if the alerts that fire at the end are not the expected ones; else nothing."""
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in expected]
    fired = 'count by (alertname) (ALERTS{alertstate="firing"})'
    test: dict[str, Any] = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": fired, "eval_time": f"{MINUTES}m", "exp_samples": samples}],
    }
    file = folder / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}))
    done = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_promtool_accepts_rules_and_scrape_configuration() -> None:
    """Syntax, templates, and the files that the example names. Debian's build cannot read that for Kubernetes."""
    for kind, file in (("rules", RULES), ("config", RULES.with_name("prometheus.example.yml"))):
        done = subprocess.run(["promtool", "check", kind, str(file)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_healthy_service_alerts_nobody(tmp_path: Path) -> None:
    """With traffic, with strangers, and with a target that fails now and then."""
    assert _firing(tmp_path, HEALTHY, []) == ""


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_fires_on_what_it_names(alert: str, tmp_path: Path) -> None:
    """It alone: nobody is paged twice for one cause."""
    assert _firing(tmp_path, {**HEALTHY, **FAULTS[alert]}, [alert]) == ""


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: next(iter(level)))
def test_a_moment_alerts_nobody(level: Series, tmp_path: Path) -> None:
    """What passes by itself, as during an update."""
    assert _firing(tmp_path, {**HEALTHY, **level}, []) == ""


def test_nothing_to_scrape_is_noticed(tmp_path: Path) -> None:
    """Prometheus that has lost its targets says so."""
    assert _firing(tmp_path, {'up{job="node",instance="a"}': f"1x{MINUTES}"}, ["AutoreplyDown"]) == ""
