"""deploy/kubernetes: the API's own schemas accept it, its parts name each other, and its configuration serves."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from support import deployed, plivo_sdk, postgres, process, scrape, wire
from support.deployed import DEPLOY

from app import __version__

FOLDER = DEPLOY / "kubernetes"
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")
DOCUMENTS = [document for path in FILES for document in deployed.documents(path)]
OLDEST, NEWEST = "1.31", "1.37"  # in 1.31 unhealthyPodEvictionPolicy became stable
IMAGE = (DEPLOY.parent / "Dockerfile").read_text()


def _of(kind: str) -> dict[str, Any]:
    (found,) = [document for document in DOCUMENTS if document["kind"] == kind]
    return found


DEPLOYMENT = _of("Deployment")["spec"]
POD = DEPLOYMENT["template"]["spec"]
(CONTAINER,) = POD["containers"]
LABELS = DEPLOYMENT["template"]["metadata"]["labels"]
PORTS = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
SECRETS = next(mount["mountPath"] for mount in CONTAINER["volumeMounts"] if mount["name"] == "secrets")


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_the_schemas_of_the_api_accept_it(document: dict[str, Any], version: str) -> None:
    """Each manifest has the fields and types of its kind and no other, in the oldest and the newest release."""
    kubernetes_validate.validate(document, version, strict=True)


def test_a_misspelt_field_would_be_found() -> None:
    """A schema that accepts everything would prove nothing."""
    wrong = {**DEPLOYMENT, "replica": 2}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**_of("Deployment"), "spec": wrong}, NEWEST, strict=True)


def test_every_selector_finds_the_pods_and_every_port_is_one_of_theirs() -> None:
    """Services, budget, policy and spread select the labels of the template; ports are named as in the container."""
    services = [document["spec"] for document in DOCUMENTS if document["kind"] == "Service"]
    policy = _of("NetworkPolicy")["spec"]
    spread = [one["labelSelector"]["matchLabels"] for one in POD["topologySpreadConstraints"]]
    budget = _of("PodDisruptionBudget")["spec"]["selector"]["matchLabels"]
    chosen = [DEPLOYMENT["selector"]["matchLabels"], policy["podSelector"]["matchLabels"], budget, *spread]
    for selector in [*chosen, *(service["selector"] for service in services)]:
        assert selector == LABELS
    named = [port["targetPort"] for service in services for port in service["ports"]]
    named += [port["port"] for rule in policy["ingress"] for port in rule["ports"]]
    named += [CONTAINER[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert set(named) == set(PORTS)


def test_no_service_has_both_sockets() -> None:
    """An ingress to the public Service cannot lead to the admin socket."""
    for service in (document for document in DOCUMENTS if document["kind"] == "Service"):
        assert len(service["spec"]["ports"]) == 1


def test_the_pod_has_no_rights_that_it_does_not_need() -> None:
    """The restricted Pod Security Standard, a read-only root, the user of the image, and no token of the cluster."""
    assert POD["automountServiceAccountToken"] is POD["enableServiceLinks"] is False
    user = int(re.findall(r"^USER (\d+)$", IMAGE, re.MULTILINE)[0])
    of_the_pod = POD["securityContext"]
    assert (of_the_pod["runAsUser"], of_the_pod["runAsGroup"], of_the_pod["fsGroup"]) == (user, user, user)
    assert of_the_pod["runAsNonRoot"] is True
    assert of_the_pod["seccompProfile"] == {"type": "RuntimeDefault"}
    rights = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert CONTAINER["securityContext"] == rights
    assert CONTAINER["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in CONTAINER["resources"]["limits"]


def test_it_may_take_as_long_to_stop_as_it_promises() -> None:
    """The grace period covers the pause before SIGTERM and the 10 s after it."""
    pause = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    assert POD["terminationGracePeriodSeconds"] >= pause + 10


def test_every_mount_has_a_volume_and_every_secret_a_key() -> None:
    """What the configuration reads from files is a key of the Secret, unless it is optional."""
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == set(volumes)
    assert volumes["secrets"]["secret"]["secretName"] == _of("Secret")["metadata"]["name"]
    lines = [line for line in (FOLDER / "config.toml").read_text().splitlines() if "optional" not in line]
    read = re.findall(rf'"{SECRETS}/(\w+)"', "\n".join(lines))
    assert set(read) == set(_of("Secret")["stringData"])
    assert f"AUTOREPLY_CONFIG={_mount('config')}/config.toml AUTOREPLY_DATA={_mount('data')}" in IMAGE


def _mount(name: str) -> str:
    (path,) = [mount["mountPath"] for mount in CONTAINER["volumeMounts"] if mount["name"] == name]
    return str(path)


def test_kustomization_names_each_file_and_the_version() -> None:
    """All manifests but the example of a Secret; the ConfigMap and the image that the Deployment asks for."""
    (kustomization,) = deployed.documents(FOLDER / "kustomization.yaml")
    assert sorted(kustomization["resources"]) == [path.name for path in FILES if path.name != "secret.example.yaml"]
    (generated,) = kustomization["configMapGenerator"]
    assert generated["files"] == ["config.toml"]
    assert [volume["configMap"]["name"] for volume in POD["volumes"] if "configMap" in volume] == [generated["name"]]
    (image,) = kustomization["images"]
    assert (image["name"], image["newTag"]) == (CONTAINER["image"], __version__)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kubectl_builds_it() -> None:
    """kustomize renders the folder, and what it renders satisfies the schemas."""
    built = subprocess.run(["kubectl", "kustomize", str(FOLDER)], capture_output=True, text=True, check=True).stdout
    rendered = [document for document in yaml.safe_load_all(built) if document]
    assert {document["kind"] for document in rendered} == {*(one["kind"] for one in DOCUMENTS), "ConfigMap"} - {
        "Secret"
    }
    for document in rendered:
        kubernetes_validate.validate(document, NEWEST, strict=True)


@pytest.fixture
def mounted(tmp_path: Path, server: str) -> Iterator[str]:
    """The configuration as it is in the Pod, with the folder of the Secret moved and any free admin port."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    with postgres.made(server) as url:
        values = {"plivo_auth_token": plivo_sdk.TOKEN, "admin_token": "a" * 48, "store_url": url}
        for name, value in values.items():
            (secrets / name).write_text(value + "\n")
        config = (FOLDER / "config.toml").read_text()
        yield config.replace(SECRETS, str(secrets)).replace('"0.0.0.0:9090"', '"127.0.0.1:0"')


def test_the_configuration_passes_check_and_serves(mounted: str, tmp_path: Path) -> None:
    """`check` has nothing to say; with the Deployment's arguments a message is answered, and the probes succeed."""
    (tmp_path / "config.toml").write_text(mounted)
    done = process.run("check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "warning" not in done.stdout
    verb, *arguments = CONTAINER["args"]
    assert verb == "serve"
    host_and_port = ("--host", "0.0.0.0", "--port", str(PORTS["http"]))
    assert shlex.join(arguments).startswith(shlex.join(host_and_port))
    with process.served(tmp_path, mounted, *arguments[len(host_and_port) :]) as service:
        assert wire.answered(service, wire.message()) == "Thanks, we got your message."
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert scrape.get(service, CONTAINER[probe]["httpGet"]["path"])[0] == 200
        assert scrape.scraped(service)


def test_the_rotated_secret_of_a_volume_is_reloaded(mounted: str, tmp_path: Path) -> None:
    """A renewed Secret takes effect without a restart: the new token verifies, although only a file beside changed."""
    with process.served(tmp_path, mounted, "--watch") as service:
        (tmp_path / "secrets" / "plivo_auth_token_old").write_text("another-token")
        service.wait_for("reloaded")
        params = wire.message()
        headers = plivo_sdk.headers("POST", f"{wire.PUBLIC}/message", params, token="another-token")
        assert process.call(service, "POST", "/message", params, headers)[0] == 200
