"""The manifests in deploy/kubernetes compared with the code that they run."""

import re
import runpy
import secrets
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.exceptions import ImproperlyConfigured
from django.core.management import load_command_class
from django.urls import resolve

from clips_site.middleware import PROBES
from harness.service import ROOT
from library.changes.webhooks.connections import MOST_CONNECTIONS
from library.probes.health import TIMEOUT
from library.tasks.worker import Timing

FOLDER = ROOT / "deploy" / "kubernetes"
ALL: list[dict[str, Any]] = [
    document
    for path in sorted(FOLDER.glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]
WORKER_NAME = "clips-worker"
WORKERS = [document for document in ALL if document.get("metadata", {}).get("name") == WORKER_NAME]
DOCUMENTS = {document["kind"]: document for document in ALL if document not in WORKERS}
POD = DOCUMENTS["Deployment"]["spec"]["template"]
(WEB,) = POD["spec"]["containers"]
(PREPARE,) = POD["spec"]["initContainers"]
WORKER_POD = WORKERS[0]["spec"]["template"]
(WORKER,) = WORKER_POD["spec"]["containers"]
CONFIG: dict[str, str] = DOCUMENTS["ConfigMap"]["data"]
SECRET: dict[str, str] = DOCUMENTS["Secret"]["stringData"]
IMAGE = (ROOT / "Dockerfile").read_text().split("\nFROM ")[-1]
each_pod = pytest.mark.parametrize("pod", [POD, WORKER_POD])
each_container = pytest.mark.parametrize(
    "container", [PREPARE, WEB, WORKER], ids=lambda container: container["name"]
)
each_probe = pytest.mark.parametrize("probe", [name for name in WEB if name.endswith("Probe")])


def ports(container: dict[str, Any]) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for port in container["ports"]}


def bytes_of(quantity: str) -> int:
    number, unit = int(quantity[:-2]), quantity[-2:]
    return number * {"Mi": 2**20, "Gi": 2**30}[unit]


def environment_of(image: str) -> dict[str, str]:
    return dict(re.findall(r"([A-Z_]+)=([^\s\\]+)", image))


def test_all_manifests_except_the_examples_are_applied() -> None:
    applied = set(DOCUMENTS["Kustomization"]["resources"])
    existing = {path.name for path in FOLDER.glob("*.yaml")}
    assert existing - applied == {"kustomization.yaml"} | {
        name for name in existing if name.endswith(".example.yaml")
    }


@each_probe
def test_probe_requests_a_path_of_the_service(probe: str) -> None:
    request = WEB[probe]["httpGet"]
    assert request["path"] in PROBES
    assert resolve(request["path"]).view_name == request["path"].strip("/")
    assert ports(WEB)[request["port"]] == int(environment_of(IMAGE)["PORT"])


def test_each_probe_has_its_path_and_readiness_enough_time() -> None:
    paths = {probe: WEB[probe]["httpGet"]["path"] for probe in WEB if probe.endswith("Probe")}
    assert paths == {
        "startupProbe": "/livez",
        "livenessProbe": "/livez",
        "readinessProbe": "/readyz",
    }
    assert WEB["readinessProbe"]["timeoutSeconds"] > TIMEOUT


def test_metrics_are_scraped_from_the_metrics_port_of_the_pod() -> None:
    annotations = POD["metadata"]["annotations"]
    (endpoint,) = DOCUMENTS["PodMonitor"]["spec"]["podMetricsEndpoints"]
    port = int(environment_of(IMAGE)["CLIPS_METRICS_PORT"])
    assert port == int(annotations["prometheus.io/port"]) == ports(WEB)[endpoint["port"]]
    assert annotations["prometheus.io/path"] == endpoint["path"] == "/metrics"


def test_service_and_ingress_lead_to_the_pods() -> None:
    (port,) = DOCUMENTS["Service"]["spec"]["ports"]
    (rule,) = DOCUMENTS["Ingress"]["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert port["targetPort"] in ports(WEB)
    assert path["backend"]["service"] == {
        "name": DOCUMENTS["Service"]["metadata"]["name"],
        "port": {"name": port["name"]},
    }
    assert rule["host"] in CONFIG["DJANGO_ALLOWED_HOSTS"].split(",")


def test_selectors_match_only_the_web_pods() -> None:
    labels = POD["metadata"]["labels"]
    assert WORKER_POD["metadata"]["labels"] != labels
    matched = WORKERS[0]["spec"]["selector"]["matchLabels"]
    assert matched == WORKER_POD["metadata"]["labels"]
    assert DOCUMENTS["Service"]["spec"]["selector"] == labels
    for kind in ("Deployment", "PodDisruptionBudget", "PodMonitor"):
        assert DOCUMENTS[kind]["spec"]["selector"] == {"matchLabels": labels}, kind
    target = DOCUMENTS["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert target["name"] == DOCUMENTS["Deployment"]["metadata"]["name"]


def test_settings_read_every_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = (ROOT / "clips_site/settings.py").read_text()
    variables = CONFIG | SECRET
    assert [name for name in variables if f'"{name}"' not in settings] == []
    for name, value in (variables | environment_of(IMAGE)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CLIPS_THROTTLE", raising=False)
    with pytest.raises(ImproperlyConfigured, match="DJANGO_SECRET_KEY"):  # "replace-me"
        runpy.run_path(str(ROOT / "clips_site/settings.py"))
    key = secrets.token_urlsafe(48)
    monkeypatch.setenv("DJANGO_SECRET_KEY", key)
    read = runpy.run_path(str(ROOT / "clips_site/settings.py"))
    assert not read["EMBEDDED"]
    assert read["SECRET_KEY"] == key
    assert not read["CLIPS_READY_IGNORE"], "each pod has its own disk"


def test_database_has_connections_for_all_pods() -> None:
    pods = DOCUMENTS["HorizontalPodAutoscaler"]["spec"]["maxReplicas"]
    process = int(CONFIG["WEB_THREADS"]) + 8  # docs/configuration.md
    pod = int(CONFIG["WEB_CONCURRENCY"]) * process + 1  # metrics
    assert WORKERS[0]["spec"]["strategy"] == {"type": "Recreate"}  # never two workers
    # docs/configuration.md
    worker = 3 + int(CONFIG["CLIPS_WORKER_CONCURRENCY"]) + MOST_CONNECTIONS
    assert pods * pod + worker <= 97  # PostgreSQL's 100 without those reserved for superusers


@each_container
def test_container_has_minimal_privileges_and_a_memory_limit(container: dict[str, Any]) -> None:
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    assert container["image"] == DOCUMENTS["Kustomization"]["images"][0]["name"]


@each_pod
def test_pod_runs_as_the_user_of_the_image(pod: dict[str, Any]) -> None:
    (user,) = re.findall(r"^USER (\d+):(\d+)$", IMAGE, re.MULTILINE)
    context = pod["spec"]["securityContext"]
    assert context["runAsNonRoot"] is True
    assert (context["runAsUser"], context["runAsGroup"]) == tuple(map(int, user))
    assert pod["spec"]["automountServiceAccountToken"] is False


@each_container
def test_folders_that_are_written_to_are_mounted(container: dict[str, Any]) -> None:
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted >= {environment_of(IMAGE)["CLIPS_LOCAL_DIR"], "/tmp"}


def test_pods_share_the_uploads_and_each_has_its_own_audio_store(settings: Any) -> None:
    volumes = {volume["name"]: volume for volume in POD["spec"]["volumes"]}
    paths = {mount["mountPath"]: volumes[mount["name"]] for mount in WEB["volumeMounts"]}
    local = environment_of(IMAGE)["CLIPS_LOCAL_DIR"]
    claim = paths[f"{local}/{Path(settings.MEDIA_ROOT).name}"]["persistentVolumeClaim"]
    uploads = DOCUMENTS["PersistentVolumeClaim"]
    assert claim["claimName"] == uploads["metadata"]["name"]
    assert uploads["spec"]["accessModes"] == ["ReadWriteMany"]
    room = bytes_of(paths[local]["emptyDir"]["sizeLimit"])
    assert room > settings.CLIPS_AUDIO_STORE_BYTES + settings.CLIPS_READY_DISK_FREE_BYTES


def test_grace_period_lets_streams_end_before_a_pod_is_killed() -> None:
    configuration = (ROOT / "clips_site/server/gunicorn_conf.py").read_text()
    (graceful,) = re.findall(r"^graceful_timeout = (\d+)$", configuration, re.MULTILINE)
    pause = WEB["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert POD["spec"]["terminationGracePeriodSeconds"] > pause + int(graceful)


def test_worker_has_time_to_end_its_tasks_before_its_pod_is_killed() -> None:
    grace = WORKER_POD["spec"]["terminationGracePeriodSeconds"]
    assert grace > Timing.grace + Timing.abort


def test_probe_of_the_worker_reads_the_file_that_it_touches() -> None:
    (*_, file) = WORKER["command"]
    assert file in WORKER["livenessProbe"]["exec"]["command"][-1]


@pytest.mark.parametrize("container", [PREPARE, WORKER], ids=lambda container: container["name"])
def test_command_exists_and_takes_its_options(container: dict[str, Any]) -> None:
    python, program, name, *options = container["command"]
    assert (python, program) == ("python", "manage.py")
    command = load_command_class("library", name)
    assert command.create_parser("manage.py", name).parse_args(options)


def test_web_container_runs_the_command_of_the_image() -> None:
    assert " ".join(WEB["command"]) in IMAGE
    assert '"python manage.py prepare && exec ' in IMAGE
