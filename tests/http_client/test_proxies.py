"""Which proxy of the environment leads to a URL."""

import base64

import httpx
import pytest

from app.http_client import BadEnvironment
from app.http_client.proxies import read_proxies

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy but those of a test."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def _routed(url: str) -> str | None:
    proxy = read_proxies().route(httpx.URL(url))
    return proxy.url if proxy else None


@pytest.mark.parametrize(
    ("variables", "http", "https"),
    [
        ({}, None, None),
        ({"HTTPS_PROXY": "http://p:3128"}, None, "http://p:3128"),
        ({"HTTP_PROXY": "http://p:3128"}, "http://p:3128", None),
        ({"ALL_PROXY": "http://p:3128"}, "http://p:3128", "http://p:3128"),
        ({"ALL_PROXY": "http://p:3128", "HTTPS_PROXY": "http://q:3128"}, "http://p:3128", "http://q:3128"),
        ({"https_proxy": "http://p:3128", "HTTPS_PROXY": "http://q:3128"}, None, "http://p:3128"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://q:3128"}, None, None),
        ({"HTTPS_PROXY": ""}, None, None),
        ({"HTTPS_PROXY": "p"}, None, "http://p:80"),
        ({"HTTPS_PROXY": "p:3128"}, None, "http://p:3128"),
        ({"HTTPS_PROXY": "http://[::1]:3128/"}, None, "http://[::1]:3128"),
        (
            {"ALL_PROXY": "socks5://s", "HTTPS_PROXY": "http://p", "HTTP_PROXY": "http://p"},
            "http://p:80",
            "http://p:80",
        ),
    ],
)
def test_the_scheme_selects_the_variable(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], http: str | None, https: str | None
) -> None:
    """As curl has it: HTTP_PROXY for http, HTTPS_PROXY for https, ALL_PROXY for the rest; lower case wins."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (_routed("http://crm.example.com/"), _routed("https://crm.example.com/")) == (http, https)


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("example.com", "https://example.com/", True),
        ("example.com", "https://crm.example.com/", True),
        ("EXAMPLE.com", "https://CRM.example.COM/", True),
        (".example.com", "https://crm.example.com/", True),
        ("*.example.com", "https://crm.example.com/", True),
        ("example.com", "https://crm.example.com./", True),
        ("example.com", "https://anexample.com/", False),
        ("example.com", "https://example.com.evil.net/", False),
        ("other.net, example.com", "https://crm.example.com/", True),
        ("example.com:8443", "https://crm.example.com:8443/", True),
        ("example.com:443", "https://crm.example.com/", True),
        ("example.com:8443", "https://crm.example.com/", False),
        ("*", "https://crm.example.com/", True),
        ("other.net,*", "https://crm.example.com/", True),
        ("10.1.2.3", "https://10.1.2.3/", True),
        ("10.1.2.3", "https://10.1.2.4/", False),
        ("10.0.0.0/8", "https://10.1.2.3/", True),
        ("10.0.0.0/8", "https://11.1.2.3/", False),
        ("10.1.2.3:8443", "https://10.1.2.3:8443/", True),
        ("10.1.2.3:8443", "https://10.1.2.3/", False),
        ("fd00::/8", "https://[fd00::1]/", True),
        ("[fd00::1]:8443", "https://[fd00::1]:8443/", True),
        ("fd00::1", "https://[fd00::2]/", False),
        ("3.4", "https://1.2.3.4/", False),
        ("", "https://crm.example.com/", False),
        (" , ", "https://crm.example.com/", False),
        ("", "https://localhost:8443/", True),
        ("", "https://127.0.0.1/", True),
        ("", "https://127.9.9.9/", True),
        ("", "https://[::1]/", True),
    ],
)
def test_no_proxy(monkeypatch: pytest.MonkeyPatch, no_proxy: str, url: str, *, direct: bool) -> None:
    """NO_PROXY lists names with all below them, addresses, networks, ports and `*`; loopback is always direct."""
    monkeypatch.setenv("HTTPS_PROXY", "http://p:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (_routed(url) is None) == direct


def test_credentials_are_decoded_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """User and password of the URL become Proxy-Authorization; no repr holds them."""
    monkeypatch.setenv("HTTPS_PROXY", "http://us%40er:hunter%3A2@p:3128")
    proxies = read_proxies()
    proxy = proxies.route(httpx.URL("https://crm.example.com/"))
    assert proxy is not None
    assert proxy.url == "http://p:3128"
    assert proxy.authorization == "Basic " + base64.b64encode(b"us@er:hunter:2").decode()
    assert "hunter" not in repr(proxies)
    assert proxy.authorization not in repr(proxies)


@pytest.mark.parametrize(
    "value",
    [
        "socks5://u:hunter2@p:1080",
        "https://u:hunter2@p",
        "http://",
        "http://u:hunter2@:1",
        "http://u:hunter2@p:x",
        "http://p:99999",
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Nothing goes out past a proxy that somebody meant; the message names the variable, not its value."""
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(BadEnvironment, match=r"^HTTPS_PROXY: write http://host:port") as caught:
        read_proxies()
    assert "hunter2" not in str(caught.value)
