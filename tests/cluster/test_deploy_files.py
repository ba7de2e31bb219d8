"""The files of deploy/ name images, commands and variables that there are, and fit each other."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
VALUES = yaml.safe_load((ROOT / "deploy/helm-values.yaml").read_text())
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
OURS = ("code", "webserver", "daemon", "pages")


@pytest.mark.parametrize("name", OURS)
def test_every_service_of_ours_runs_an_installed_command_with_its_store_and_records(name):
    service = COMPOSE["services"][name]
    commands = {"dagster", "dagster-webserver", "dagster-daemon", "glasshouse"}
    assert service["command"][0] in commands
    assert service["environment"].keys() >= {"DAGSTER_HOME", "DAGSTER_POSTGRES_URL", "GLASSHOUSE_HOME"}
    assert service["environment"]["DAGSTER_POSTGRES_URL"].startswith("postgresql+psycopg2://")
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), "beyond this machine by choice only"
    assert set(service.get("depends_on", ())) <= COMPOSE["services"].keys()


def test_no_password_is_written_down_and_volumes_are_declared():
    assert "POSTGRES_PASSWORD:?" in COMPOSE["services"]["postgres"]["environment"]["POSTGRES_PASSWORD"]
    used = {volume.split(":")[0] for service in COMPOSE["services"].values() for volume in service["volumes"]}
    assert used == COMPOSE["volumes"].keys()


def test_web_server_and_daemon_find_the_code_server_where_it_listens():
    [location] = yaml.safe_load((ROOT / "deploy/workspace.yaml").read_text())["load_from"]
    server, command = location["grpc_server"], COMPOSE["services"]["code"]["command"]
    assert server["host"] in COMPOSE["services"]
    assert str(server["port"]) == command[command.index("-p") + 1]
    [deployment] = VALUES["dagster-user-deployments"]["deployments"]
    assert deployment["port"] == server["port"]
    assert deployment["dagsterApiGrpcArgs"][:2] == ["-m", "pipelines.definitions"]


def test_the_image_has_the_extras_that_the_files_want():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    installed = set(re.findall(r'"([a-z0-9-]+)[=>]', DOCKERFILE))
    for extra in ("postgres", "kubernetes"):
        assert {re.split("[><=]", each)[0] for each in extras[extra]} <= installed
    for line in re.findall(r"^COPY (.*) \./$", DOCKERFILE, re.MULTILINE):
        assert all((ROOT / name).exists() for name in line.split())
