"""The Dockerfile, the compose file, and .env.example, which both depend on."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import load_command_class
from dotenv import dotenv_values

from harness.service import Server
from library.probes.health import TIMEOUT
from library.tasks.worker import Timing

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = dotenv_values(ROOT / ".env.example")
DEFAULTS = re.findall(r"\$\{(\w+):-(.*?)\}", TEXT)  # ${NAME:-default}
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
FINAL_STAGE = DOCKERFILE.split("\nFROM ")[-1]
HEALTHY = "deploy/docker/healthy.py"

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
each_built_service = pytest.mark.parametrize(
    "service", [service for service in SERVICES.values() if "build" in service]
)
each_default = pytest.mark.parametrize(("name", "default"), DEFAULTS)
each_variable = pytest.mark.parametrize("name", EXAMPLE)


def mounts() -> dict[str, str]:
    """Return the source, a path or the name of a volume, of each target that a service mounts."""
    volumes = [volume for service in SERVICES.values() for volume in service["volumes"]]
    return {volume.split(":")[1]: volume.split(":")[0] for volume in volumes}


def test_compose_runs_the_service_its_database_and_its_monitoring() -> None:
    monitoring = {"prometheus", "alertmanager", "grafana"}
    assert set(SERVICES) == {"web", "worker", "db", *monitoring}


@pytest.mark.parametrize(
    ("service", "port"),
    [("web", "8000"), ("prometheus", "9090"), ("alertmanager", "9093"), ("grafana", "3000")],
)
def test_documented_port_is_published_only_on_this_machine(service: str, port: str) -> None:
    (published,) = SERVICES[service]["ports"]
    assert re.sub(r"\$\{\w+:-(.*?)\}", r"\1", published) == f"127.0.0.1:{port}:{port}"


def test_database_is_not_published() -> None:
    assert "ports" not in SERVICES["db"]


@each_service
def test_service_has_a_health_check_and_restarts_automatically(service: dict[str, Any]) -> None:
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize(
    ("service", "needed"),
    [("web", "db"), ("worker", "web"), ("prometheus", "web"), ("grafana", "prometheus")],
)
def test_service_starts_once_its_dependency_is_healthy(service: str, needed: str) -> None:
    assert SERVICES[service]["depends_on"] == {needed: {"condition": "service_healthy"}}


@each_service
def test_third_party_image_is_pinned_to_a_release(service: dict[str, Any]) -> None:
    image = service.get("image")
    assert re.search(r":v?\d+\.\d+", image) if image else service["build"] == "."


@each_service
def test_mounted_files_of_the_repository_exist_and_are_read_only(
    service: dict[str, Any],
) -> None:
    bound = [volume.split(":") for volume in service["volumes"] if volume.startswith(".")]
    assert [source for source, *_ in bound if not (ROOT / source).exists()] == []
    assert [source for source, _, *mode in bound if mode != ["ro"]] == []


def test_persistent_data_is_on_named_volumes() -> None:
    named = {target: source for target, source in mounts().items() if source[0] != "."}
    assert set(named.values()) == set(COMPOSE["volumes"])
    assert set(named) == {
        "/var/lib/postgresql",
        "/var/lib/clips",
        "/prometheus",
        "/alertmanager",
        "/var/lib/grafana",
    }


def test_monitoring_finds_its_files_where_they_are_mounted() -> None:
    provisioning = ROOT / "monitoring/grafana/provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards/clips.yml").read_text())["providers"]
    assert mounts()[provider["options"]["path"]] == "./monitoring/grafana/dashboards"
    assert mounts()["/etc/grafana/provisioning"] == "./monitoring/grafana/provisioning"
    assert mounts()["/etc/prometheus"] == "./monitoring/prometheus"
    assert mounts()["/etc/alertmanager"] == "./monitoring/alertmanager"


def test_prometheus_scrapes_the_service_by_its_name_and_ports() -> None:
    prometheus = yaml.safe_load((ROOT / "monitoring/prometheus/prometheus.yml").read_text())
    targets = [each for job in prometheus["scrape_configs"] for each in job["dns_sd_configs"]]
    assert [(each["names"], each["port"]) for each in targets] == [(["web"], 9464), (["web"], 8000)]
    assert SERVICES["web"]["environment"]["CLIPS_METRICS_PORT"] == "9464"
    assert re.search(r"^EXPOSE 8000 9464$", FINAL_STAGE, re.MULTILINE)


def test_service_accepts_requests_to_its_name_and_port() -> None:
    assert "web" in (EXAMPLE["DJANGO_ALLOWED_HOSTS"] or "").split(",")
    assert SERVICES["web"]["environment"]["PORT"] == "8000"


def test_example_has_the_documented_database() -> None:
    names = ("SERVER", "USER", "PASSWORD", "DB", "PORT")
    documented = ["db", "postgres", "postgres", "clips_db", "5432"]
    assert [EXAMPLE[f"POSTGRES_{name}"] for name in names] == documented


def test_example_contains_no_key() -> None:
    assert EXAMPLE["DJANGO_SECRET_KEY"] == "generate"


@each_variable
def test_variable_of_the_example_is_used_in_the_settings_or_the_compose_file(name: str) -> None:
    settings = (ROOT / "clips_site/settings.py").read_text()
    assert f'"{name}"' in settings or name in dict(DEFAULTS)


@each_default
def test_default_in_the_compose_file_equals_the_example(name: str, default: str) -> None:
    assert default == EXAMPLE[name]


@each_built_service
def test_optional_env_file_overrides_the_example(
    service: dict[str, Any],
) -> None:
    example, local = service["env_file"]
    assert example == {"path": ".env.example"}
    assert local == {"path": ".env", "required": False}


def test_image_installs_only_the_base_requirements_with_hashes() -> None:
    assert re.findall(r"requirements/\w+\.txt", DOCKERFILE) == ["requirements/base.txt"] * 2
    assert "--require-hashes" in DOCKERFILE


def test_image_does_not_run_as_root() -> None:
    (user,) = re.findall(r"^USER (.+)$", FINAL_STAGE, re.MULTILINE)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_final_stage_runs_no_installer() -> None:
    assert not re.search(r"\b(pip|apt-get|COPY \.)", FINAL_STAGE)


def test_static_files_of_the_image_are_outside_the_volume() -> None:
    (volume,) = re.findall(r"^VOLUME (.+)$", FINAL_STAGE, re.MULTILINE)
    (static,) = re.findall(r"CLIPS_STATIC_ROOT=(\S+)", FINAL_STAGE)
    assert not Path(static).is_relative_to(volume)


def test_build_context_contains_only_listed_files() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert [rule for rule in rules if rule.startswith(("!.", "!*"))] == []


def test_health_check_program_is_in_the_image() -> None:
    assert HEALTHY in FINAL_STAGE
    assert HEALTHY in SERVICES["web"]["healthcheck"]["test"]
    assert f"!{HEALTHY}\n" in (ROOT / ".dockerignore").read_text()


@each_built_service
def test_built_container_writes_only_to_its_volume_and_to_memory(
    service: dict[str, Any],
) -> None:
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]


def test_command_of_the_worker_exists_and_takes_its_options() -> None:
    worker = SERVICES["worker"]
    program, script, command, *options = worker["command"].split()
    assert (program, script) == ("python", "manage.py")
    parser = load_command_class("library", command).create_parser(script, command)
    chosen = parser.parse_args(options)
    assert str(chosen.alive_file) in worker["healthcheck"]["test"][1]


def test_worker_has_time_to_end_its_tasks() -> None:
    grace = SERVICES["worker"]["stop_grace_period"].removesuffix("s")
    assert int(grace) > Timing.grace + Timing.abort


@pytest.mark.parametrize(("path", "status"), [("/livez", 0), ("/readyz", 0), ("/nothing", 1)])
def test_health_check_succeeds_if_the_server_answers_200(
    server: Server, path: str, status: int
) -> None:
    environment = {**os.environ, "PORT": str(server.port), "http_proxy": "http://127.0.0.1:9"}
    result = subprocess.run([sys.executable, HEALTHY, path], cwd=ROOT, env=environment, check=False)
    assert result.returncode == status


def test_health_check_waits_longer_than_readiness() -> None:
    (client_waits,) = re.findall(r"timeout=(\d+)", (ROOT / HEALTHY).read_text())
    docker_waits = SERVICES["web"]["healthcheck"]["timeout"].removesuffix("s")
    assert TIMEOUT < int(client_waits) < int(docker_waits)
