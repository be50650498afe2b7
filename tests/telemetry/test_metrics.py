"""What is counted: names, labels and first values; nothing that comes from outside makes a new series (G12)."""

from collections.abc import Iterator

import pytest
from support import scrape

from app.plivo.refusals import Refused
from app.replies.failed_calls import RulesFailed
from app.store.disk import DiskFull
from app.telemetry.gauges import Gauges, Levels, SpendingLevel
from app.telemetry.metrics import EAGER, REFUSALS, Metrics

HOSTILE = ("", "33712345678", "Geheimnis", "a" * 10_000, "\n# EOF", '"}', "DELIVERED", "\x00", "délivré")


def read(metrics: Metrics) -> scrape.Series:
    """The page, by Prometheus' parser."""
    page, kind = metrics.text()
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    return scrape.series(page.decode())


def test_everything_that_is_known_begins_at_zero() -> None:
    """The first failure of a route or a target is an increase, so that an alert on it fires."""
    found = read(Metrics(["shop"], ["crm"]))
    assert scrape.value(found, "messages_total", route="shop", outcome="given_up") == 0
    assert scrape.value(found, "messages_total", route="(none)", outcome="silence") == 0
    assert scrape.value(found, "refused_total", endpoint="report", status="503", reason="disk") == 0
    assert scrape.value(found, "deliveries_total", target="crm", outcome="dead") == 0
    assert scrape.value(found, "deliveries_capped_total", target="crm") == 0
    assert scrape.value(found, "reports_total", status="undelivered") == 0
    assert scrape.value(found, "v2_beside_v3_total") == 0


def test_names_and_units_are_prometheus_own() -> None:
    """Names are `autoreply_*` (or the process's), counters end in _total, times in seconds; none tells its birth."""
    metrics = Metrics(["shop"], ["crm"])
    Gauges(metrics.registry)
    page = metrics.text()[0].decode()
    types = [line.split()[2:] for line in page.splitlines() if line.startswith("# TYPE ")]
    assert len(types) > 20
    for name, kind in types:
        assert name.startswith(("autoreply_", "process_"))
        assert name.endswith("_total") == (kind == "counter")
        assert not name.endswith(("_ms", "_created"))
    assert "_created" not in page


def test_services_of_one_process_count_for_themselves() -> None:
    """Each service has a registry of its own."""
    one, other = Metrics(["shop"]), Metrics(["shop"])
    one.message("shop", "answered")
    assert scrape.value(read(one), "messages_total", route="shop", outcome="answered") == 1
    assert scrape.value(read(other), "messages_total", route="shop", outcome="answered") == 0


def test_what_comes_from_outside_makes_no_series() -> None:
    """Statuses, signers, limits and reasons that nobody knows are all one: "other"."""
    metrics = Metrics(["shop"], ["crm"])

    def tell(word: str) -> None:
        metrics.report(word)
        metrics.served("report", word, 0.1)
        metrics.refused("report", word)
        metrics.limited("shop", word)

    tell("Geheimnis")
    before = read(metrics).keys()
    for word in HOSTILE[1:]:
        tell(word)
    found = read(metrics)
    assert found.keys() == before
    assert scrape.value(found, "reports_total", status="other") == len(HOSTILE)
    assert scrape.value(found, "accepted_total", endpoint="report", signed_by="other") == len(HOSTILE)
    assert scrape.value(found, "refused_total", endpoint="report", status="other", reason="other") == len(HOSTILE)
    assert scrape.value(found, "limited_total", route="shop", limit="other") == len(HOSTILE)
    tell("")
    assert scrape.value(read(metrics), "accepted_total", endpoint="report", signed_by="nobody") == 1


@pytest.mark.parametrize(
    ("reason", "limit"),
    [
        ("limit: same_text 4/1h", "same_text"),
        ("limit: per_sender 30/1h", "per_sender"),
        ("limit: total 5/1d of route shop", "total"),
    ],
)
def test_a_limit_is_counted_by_its_name(reason: str, limit: str) -> None:
    """The journal's reason names the limit that silenced."""
    metrics = Metrics()
    metrics.limited("shop", reason)
    assert scrape.value(read(metrics), "limited_total", route="shop", limit=limit) == 1


def _refusals(kind: type[Refused]) -> Iterator[type[Refused]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _refusals(below)


def test_each_refusal_has_its_label() -> None:
    """Every way to be turned away, wherever it is defined, has a series with the status that Plivo gets."""
    known = {kind.label: kind.status for kind in _refusals(Refused)}
    assert {RulesFailed.label, DiskFull.label} < known.keys()
    assert known | {"fault": 500} == REFUSALS


def test_a_thousand_routes_begin_with_their_first_event() -> None:
    """A scrape does not grow with routes that nobody texts."""
    metrics = Metrics([f"route-{number}" for number in range(EAGER + 1)])
    assert not [name for name, _ in read(metrics) if name == "autoreply_messages_total"]
    metrics.message("route-7", "answered")
    assert scrape.value(read(metrics), "messages_total", route="route-7", outcome="answered") == 1


def test_the_buckets_tell_answers_in_time_from_late_ones() -> None:
    """G4 and G5: Plivo's 8 s, the highest deadline and the default are edges of the histogram."""
    metrics = Metrics()
    for seconds in (0.003, 5.9, 6.0, 7.6, 9.0):
        metrics.served("message", "V3", seconds)
    found = read(metrics)
    counts = {
        edge: scrape.value(found, "answer_seconds_bucket", endpoint="message", le=edge)
        for edge in ("0.005", "6.0", "7.5", "8.0", "+Inf")
    }
    assert counts == {"0.005": 1, "6.0": 3, "7.5": 3, "8.0": 4, "+Inf": 5}
    assert scrape.value(found, "answer_seconds_sum", endpoint="message") == pytest.approx(28.503)


def test_a_post_is_timed_whatever_comes_of_it() -> None:
    """A failed attempt took time, too."""
    metrics = Metrics(targets=["crm"])
    with metrics.target("crm").posting():
        pass
    with pytest.raises(OSError, match="refused"), metrics.target("crm").posting():
        raise OSError("refused")
    found = read(metrics)
    assert scrape.value(found, "post_seconds_count", target="crm") == 2
    assert 0 < scrape.value(found, "post_seconds_sum", target="crm") < 60


LEVELS = Levels(
    ready=True,
    config={"config": "c0ffee", "version": "1", "signature": "any"},
    chains=3,
    writes=4,
    paused={"crm": True},
    waiting={"crm": (12, 90.5)},
    spending=(SpendingLevel(None, "1d", 5000, 4100), SpendingLevel("shop", "1h", 50, 7)),
    disk=(1 << 30, 1 << 28),
    age=0.5,
)


def test_levels_are_shown_as_they_are() -> None:
    """A gauge holds the level of the moment; what is not known keeps its last value."""
    metrics = Metrics()
    gauges = Gauges(metrics.registry)
    gauges.show(LEVELS)
    gauges.show(Levels(False, {"config": "beef", "version": "1", "signature": "v3"}, 0, 0, {"crm": False}))
    found = read(metrics)
    assert [labels for name, labels in found if name == "autoreply_config_info"] == [
        frozenset({("config", "beef"), ("version", "1"), ("signature", "v3")})
    ]
    assert scrape.value(found, "ready") == 0
    assert scrape.value(found, "target_paused", target="crm") == 0
    assert scrape.value(found, "deliveries_due", target="crm") == 12
    assert scrape.value(found, "deliveries_oldest_seconds", target="crm") == 90.5
    assert scrape.value(found, "spending_units", route="(all)", window="1d") == 4100
    assert scrape.value(found, "spending_limit_units", route="shop", window="1h") == 50
    assert scrape.value(found, "disk_free_bytes") == 1_073_741_824
    assert scrape.value(found, "disk_reserve_bytes") == 268_435_456
    assert scrape.value(found, "survey_age_seconds") == 0.5
