"""deploy/traefik, as text: what it names is there. No package has Traefik, so no test drives it."""

import re
from typing import Any

from support import deployed
from support.deployed import DEPLOY

(FILE,) = deployed.documents(DEPLOY / "traefik" / "plivo-autoreply.yml")
HTTP: dict[str, dict[str, Any]] = FILE["http"]


def test_each_router_leads_to_what_is_there() -> None:
    """Services, middlewares and transports are named as they are declared, and TLS is on."""
    assert HTTP.keys() == {"routers", "middlewares", "services", "serversTransports"}
    for router in HTTP["routers"].values():
        assert router["service"] in HTTP["services"]
        assert set(router["middlewares"]) <= set(HTTP["middlewares"])
        assert router["tls"]
    for service in HTTP["services"].values():
        balancer = service["loadBalancer"]
        assert balancer.get("serversTransport", "plivo-autoreply") in HTTP["serversTransports"]
        assert all(re.fullmatch(r"http://127\.0\.0\.1:\d+", server["url"]) for server in balancer["servers"])


def test_the_console_has_its_own_host_and_nothing_else_of_the_admin_socket() -> None:
    """/metrics, /health and /ready stay inside; operators come from a network that is named."""
    console, public = HTTP["routers"]["plivo-autoreply-console"], HTTP["routers"]["plivo-autoreply"]
    assert re.findall(r"PathPrefix\(`([^`]*)`\)", console["rule"]) == ["/console/", "/api/v1/"]
    assert re.findall(r"Host\(`([^`]*)`\)", console["rule"]) != re.findall(r"Host\(`([^`]*)`\)", public["rule"])
    assert "plivo-autoreply-operators" in console["middlewares"]
    assert HTTP["services"][public["service"]]["loadBalancer"]["healthCheck"]["path"] == "/ready"


def test_limits_agree_with_the_service() -> None:
    """Bodies as large as [server] body_limit; a connection is closed before the service closes it."""
    assert HTTP["middlewares"]["plivo-autoreply-body"]["buffering"]["maxRequestBodyBytes"] == 64 * 1024
    timeouts = HTTP["serversTransports"]["plivo-autoreply"]["forwardingTimeouts"]
    assert int(timeouts["idleConnTimeout"].removesuffix("s")) < 75
