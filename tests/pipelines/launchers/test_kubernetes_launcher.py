"""The launcher and the real client against a server that speaks the little of the Kubernetes API that they use."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from pipelines.launchers.kinds.k8s import KubernetesMachine
from pipelines.launchers.launcher import JobPhase, Launch

pytest.importorskip("kubernetes", reason="the package kubernetes is not installed")
JOBS, SERVICES, PODS = (
    "/apis/batch/v1/namespaces/lab/jobs",
    "/api/v1/namespaces/lab/services",
    "/api/v1/namespaces/lab/pods",
)


class Cluster(ThreadingHTTPServer):
    """Jobs and services by name, the status that the next answer has, and the log of each pod."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.made: dict[str, dict] = {}
        self.status: dict = {}
        self.logs: dict[str, str] = {}


class Handler(BaseHTTPRequestHandler):
    server: Cluster

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.made[f"{self.path.split('?')[0]}/{body['metadata']['name']}"] = body
        self._answer(201, body)

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path.endswith("/log"):
            log = self.server.logs.get(path.split("/")[-2])
            self._answer(200 if log is not None else 400, log if log is not None else {"message": "waiting to start"})
        elif path == PODS:
            index = "batch.kubernetes.io/job-completion-index"
            pods = [{"metadata": {"name": name, "labels": {index: name[-1]}}} for name in self.server.logs]
            assert "job-name" in query
            self._answer(200, {"kind": "PodList", "apiVersion": "v1", "items": pods})
        elif (found := self.server.made.get(path.removesuffix("/status"))) is not None:
            self._answer(200, found | {"status": self.server.status})
        else:
            self._answer(404, {"kind": "Status", "reason": "NotFound", "code": 404})

    def do_DELETE(self) -> None:
        found = self.server.made.pop(self.path.split("?")[0], None)
        self._answer(200 if found else 404, {"kind": "Status"})

    def _answer(self, code: int, body: dict | str) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    server = Cluster()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host, port = server.server_address[:2]
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": f"http://{host}:{port}"}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    for place in ("kubernetes.config", "kubernetes.config.kube_config"):
        monkeypatch.setattr(f"{place}.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config"))
    yield server
    server.shutdown()
    server.server_close()


def launch(*, gang: bool) -> Launch:
    return Launch("glasshouse-sae-1", 2, gang, ("-m", "pipelines.launches.rank", "sae-1"), {"A": "b"}, Path("/shared"))


@pytest.mark.parametrize("gang", [False, True])
def test_a_job_is_made_looked_at_heard_and_deleted(cluster, gang):
    engine = KubernetesMachine(image="house:1", nodes=2, namespace="lab").engine()
    engine.check()
    work = launch(gang=gang)
    job = engine.submit(work)
    assert cluster.made[f"{JOBS}/{job}"]["spec"]["completions"] == 2
    assert (f"{SERVICES}/{job}" in cluster.made) is gang
    assert engine.state(job).phase is JobPhase.WAITING
    cluster.status = {"active": 2, "ready": 2}
    assert engine.state(job).phase is JobPhase.RUNNING
    cluster.logs = {f"{job}-0": "began\nprogress units 1.00\n", f"{job}-1": "began\n"}
    assert [line for _, line in engine.lines(work, job)] == ["began", "progress units 1.00", "began"]
    cluster.logs[f"{job}-1"] += "ended\n"
    assert list(engine.lines(work, job)) == [("rank-1", "ended")], "a line is heard once"
    cluster.status = {
        "conditions": [{"type": "Failed", "status": "True", "reason": "PodFailurePolicy", "message": "3"}]
    }
    state = engine.state(job)
    assert (state.phase, state.said) == (JobPhase.FAILED, "PodFailurePolicy 3")
    cluster.status = {"conditions": [{"type": "Complete", "status": "True"}]}
    assert engine.state(job).phase is JobPhase.ENDED
    engine.cancel(job)
    assert cluster.made == {}
    engine.cancel(job)
    assert engine.state(job).phase is JobPhase.FAILED
