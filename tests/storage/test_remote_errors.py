"""An object store that cannot be used is one sentence that says what to set, wherever it is met."""

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import dagster as dg
import pytest
import s3fs
from botocore.exceptions import ClientError
from small_house import small_house
from synthetic_store import SyntheticStore

from pipelines.cli.main import main
from pipelines.dagster_support.user_errors import fail_without_retry
from pipelines.definitions import defs
from pipelines.registry.identities.stages.sae import SAE
from pipelines.sensors import invalid_cards, new_models
from pipelines.serving.model_hosts import CannotRunModel, ModelHosts
from pipelines.serving.text_features import TextRequest, text_features
from pipelines.store.current_datasets import current_manifest
from pipelines.store.resolve_all import resolve_registry
from pipelines.store.store import Store
from pipelines.store.tables import MissingDataset
from sql.publish import publish
from storage import folder
from storage.folder import AbsentFolder, Folder
from storage.manifest import DamagedFile
from storage.remote_errors import Unreachable, remote_errors
from storage.unwritable import Unwritable

RECIPE = "site: resid_post.@0.5\nsae: {architecture: topk, expansion: 16, k: 32}\n"


@pytest.fixture
def nobody_home() -> str:
    """An address of this machine at which nothing listens."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture(params=["credentials", pytest.param("endpoint", marks=pytest.mark.slow)])
def missing(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, s3: str, nobody_home: str
) -> Iterator[str]:
    """A bucket that cannot be reached for want of something; what is kept of an earlier client is forgotten."""
    monkeypatch.setenv("S3_ADDRESS", os.environ["AWS_ENDPOINT_URL"])
    if request.param == "credentials":
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    else:
        monkeypatch.setenv("AWS_ENDPOINT_URL", nobody_home)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # else the client waits for a second, five times in a row
    forget_clients()
    yield s3
    forget_clients()


def forget_clients() -> None:
    s3fs.S3FileSystem.clear_instance_cache()
    folder._opened_by_url.cache_clear()


@dataclass
class Said:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def glasshouse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs a command in this process: an error that nothing catches fails the test."""

    def run(*arguments: str, **places: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["glasshouse", *arguments])
        for name, value in places.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.mark.parametrize(
    "command", [("run",), pytest.param(("label", "--dry-run"), marks=pytest.mark.slow), ("search", "import")]
)
def test_a_registry_that_cannot_be_reached_is_a_sentence(
    missing: str, tmp_path: Path, glasshouse: Callable[..., Said], command: tuple[str, ...]
):
    ran = glasshouse(*command, GLASSHOUSE_REGISTRY=f"{missing}/registry", GLASSHOUSE_HOME=str(tmp_path))
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr + ran.stdout
    assert ran.stderr.startswith("glasshouse: the object store cannot be used (")
    assert "set AWS_ACCESS_KEY_ID" in ran.stderr
    assert len(ran.stderr) < 800


def test_a_wrong_bucket_is_a_sentence(s3: str, tmp_path: Path, glasshouse: Callable[..., Said]):
    ran = glasshouse("run", GLASSHOUSE_REGISTRY=f"{s3}-else/registry", GLASSHOUSE_HOME=str(tmp_path))
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr + ran.stdout
    assert f"{s3}-else/registry" in ran.stderr or "the registry holds none" in ran.stderr


def test_a_model_that_cannot_be_reached_keeps_no_other_from_running(missing: str, tmp_path: Path):
    for kind in ("models", "recipes"):
        (tmp_path / "registry" / kind).mkdir(parents=True)
    for name, source in (("here", "models/demo"), ("there", f"{missing}/model")):
        card = f"source: {source}\ncorpus: {{source: stdlib}}\n"
        (tmp_path / "registry" / "models" / f"{name}.yaml").write_text(card)
    (tmp_path / "registry" / "recipes" / "one.yaml").write_text(RECIPE)
    registrations, errors = resolve_registry(Store(home=str(tmp_path), registry=str(tmp_path / "registry")))
    assert [registration.sae_id for registration in registrations] == ["here/one"]
    assert errors["there/one"].startswith("there/one: the object store cannot be used")


@pytest.mark.parametrize("sensor", [new_models, invalid_cards])
def test_a_registry_that_cannot_be_reached_is_the_sentence_of_a_tick(missing: str, tmp_path: Path, sensor):
    store = Store(home=str(tmp_path), registry=f"{missing}/registry")
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, definitions=defs, resources={"store": store}) as context,
    ):
        result = sensor(context)
    reason = result.skip_reason if isinstance(result, dg.SensorResult) else result
    assert isinstance(reason, dg.SkipReason)
    assert (reason.skip_message or "").startswith("the object store cannot be used")


def test_a_store_that_cannot_be_reached_is_the_sentence_of_a_run(
    missing: str, tmp_path: Path, glasshouse: Callable[..., Said]
):
    small_house(tmp_path)
    places = {"GLASSHOUSE_WAREHOUSE": str(tmp_path / "w.duckdb"), "DAGSTER_HOME": str(tmp_path / "dagster")}
    ran = glasshouse("run", GLASSHOUSE_HOME=f"{missing}/home", GLASSHOUSE_REGISTRY=str(tmp_path / "registry"), **places)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr + ran.stdout
    assert "Unreachable: the object store cannot be used (" in " ".join(ran.stdout.split())


@pytest.mark.slow
def test_codes_that_cannot_be_reached_are_a_sentence(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, glasshouse: Callable[..., Said]
):
    with monkeypatch.context() as reached:
        reached.setenv("AWS_ACCESS_KEY_ID", "test")
        reached.setenv("AWS_SECRET_ACCESS_KEY", "test")
        reached.setenv("AWS_ENDPOINT_URL", os.environ["S3_ADDRESS"])
        remote = SyntheticStore(missing)
        remote.write_model("demo")
        remote.write_sae("demo", "mid")
        publish(tmp_path / "w.duckdb", remote.stored)
    forget_clients()
    ran = glasshouse("sql", "from feature_activation", GLASSHOUSE_WAREHOUSE=str(tmp_path / "w.duckdb"))
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert "the codes in the store cannot be read (" in ran.stderr
    assert "set AWS_ACCESS_KEY_ID" in ran.stderr


def test_a_text_on_the_pages_is_refused_with_the_sentence(missing: str):
    with pytest.raises(CannotRunModel, match="the object store cannot be used"):
        text_features(ModelHosts(Store(home=f"{missing}/home")), TextRequest("demo", "text"))


@pytest.mark.parametrize("missing", ["credentials", "endpoint"], indirect=True)
def test_a_step_is_tried_again_where_waiting_may_help(missing: str):
    @fail_without_retry
    def step() -> list[str]:
        return Folder(f"{missing}/data").names()

    with pytest.raises(dg.Failure, match="Unreachable: the object store cannot be used") as failure:
        step()
    assert failure.value.allow_retries == ("Credentials" not in str(failure.value))


def test_what_is_not_there_and_what_is_no_store_pass():
    with pytest.raises(FileNotFoundError), remote_errors():
        raise FileNotFoundError("a file")
    with pytest.raises(KeyError), remote_errors():
        raise KeyError("a mistake of ours")


def test_an_error_behind_another_is_found(missing: str):
    def read() -> None:
        try:
            Folder(missing).names()
        except Exception as error:
            raise OSError("as Python says it") from error

    with pytest.raises(Unreachable, match="the object store cannot be used"), remote_errors():
        read()


def refusal(code: str, status: int | None) -> ClientError:
    metadata = {} if status is None else {"ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError({"Error": {"Code": code, "Message": "no"}, **metadata}, "GetObject")


@pytest.mark.parametrize(
    ("code", "status", "may_pass"),
    [
        ("SlowDown", 503, True), ("SlowDown", None, True), ("503", None, True), ("InternalError", 500, True),
        ("TooManyRequests", 429, True), ("Throttling", 400, True), ("RequestTimeout", 400, True),
        ("AccessDenied", 403, False), ("NoSuchBucket", 404, False), ("InvalidAccessKeyId", 403, False),
    ],
)  # fmt: skip
def test_a_busy_store_is_asked_again_and_one_that_refuses_is_not(code: str, status: int | None, may_pass: bool):
    @fail_without_retry
    def step() -> None:
        raise OSError(16, "as s3fs says it") from refusal(code, status)

    with pytest.raises(dg.Failure, match="Unreachable: the object store cannot be used") as failure:
        step()
    assert failure.value.allow_retries == may_pass


@pytest.mark.parametrize("kind", [ValueError, DamagedFile, AbsentFolder, Unwritable, RuntimeError])
def test_an_error_with_a_sentence_of_its_own_keeps_it(kind: type[Exception]):
    with pytest.raises(kind, match="a sentence: what to do") as kept, remote_errors():
        raise kind("a sentence: what to do") from refusal("AccessDenied", 403)
    assert type(kept.value) is kind


async def of_another_host(address: str) -> None:
    async with aiohttp.ClientSession() as session:
        await session.get(address)


def test_another_host_is_no_object_store(nobody_home: str):
    with pytest.raises(aiohttp.ClientConnectorError), remote_errors():
        asyncio.run(of_another_host(nobody_home))


@pytest.mark.parametrize(
    "work", [lambda place: place.read_bytes("a.bin"), lambda place: place.write_bytes("a.bin", b"")]
)
def test_a_bucket_that_is_gone_is_one_sentence_and_a_file_that_is_not_there_none(
    work: Callable[[Folder], None], s3: str
):
    with pytest.raises(FileNotFoundError), remote_errors():
        Folder(f"{s3}/house").read_bytes("a.bin")
    with pytest.raises((Unreachable, AbsentFolder), match=r"NoSuchBucket|there is no bucket") as said, remote_errors():
        work(Folder("s3://never-made-4f1c/house"))
    assert not getattr(said.value, "may_pass", False)


def test_what_a_stage_asks_for_in_a_bucket_that_is_gone_is_not_said_to_be_missing(s3: str, tmp_path: Path):
    house = small_house(tmp_path)
    registration = house.registration("first/small")
    with pytest.raises(MissingDataset, match="materialize `sae`"):
        current_manifest(SAE, registration, Folder(f"{s3}/house"))
    with pytest.raises(AbsentFolder, match="there is no bucket"):
        current_manifest(SAE, registration, Folder("s3://never-made-4f1c/house"))
