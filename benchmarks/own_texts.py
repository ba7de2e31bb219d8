"""Sixty readers' own texts at once, beside somebody who opens the home page: what that page waits for meanwhile, and
what becomes of the texts.

    python -m benchmarks.own_texts MODEL_ID

The server is `glasshouse serve` of the store in GLASSHOUSE_HOME, which holds that model with its dictionaries; every
text is another one. Aim: the home page in 100 ms. A text that finds the queue full is told so, and is not read.
"""

import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from urllib.parse import quote

TEXTS, WORDS, IDLE = 60, 80, 200
VOCABULARY = [
    "def",
    "return",
    "self",
    "import",
    "for",
    "in",
    "if",
    "else",
    "not",
    "None",
    "value",
    "name",
    "path",
    "open",
    "read",
    "line",
    "list",
    "dict",
    "str",
    "int",
]


@contextmanager
def _serving() -> Iterator[int]:
    """Port of a server of the store."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(["glasshouse", "serve", "--port", str(port)], stdout=subprocess.DEVNULL)
    try:
        while True:
            if server.poll() is not None:
                raise SystemExit(f"glasshouse serve ended with {server.returncode}")
            with suppress(ConnectionRefusedError):
                _get(port, "/")
                break
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(60)


def _get(port: int, address: str) -> tuple[float, int, str]:
    """Seconds until the whole answer is there, its status and what it says."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=300)) as http:
        began = time.perf_counter()
        http.request("GET", address)
        answer = http.getresponse()
        said = answer.read().decode()
        return time.perf_counter() - began, answer.status, said


def _text(seed: int) -> str:
    return " ".join(random.Random(seed).choices(VOCABULARY, k=WORDS))


def _became(status: int, said: str) -> str:
    """What became of a text."""
    if "send it again in a while" in said:
        return "refused: busy"
    return "read" if status == 200 else f"answered {status}"


def main(model_id: str = "pystdlib") -> None:
    with _serving() as port:
        address = f"/model/{quote(model_id)}/text?text="
        first, status, said = _get(port, address + quote(_text(-1)))
        assert _became(status, said) == "read", said
        print(f"one text, the model read from disk {first:.2f} s", flush=True)
        idle = [_get(port, "/")[0] for _ in range(IDLE)]
        fates: Counter[str] = Counter()
        readers = [
            threading.Thread(
                target=lambda seed=seed: fates.update([_became(*_get(port, address + quote(_text(seed)))[1:])])
            )
            for seed in range(TEXTS)
        ]
        began = time.perf_counter()
        for reader in readers:
            reader.start()
        meanwhile = []
        while any(reader.is_alive() for reader in readers):
            meanwhile.append(_get(port, "/")[0])
        print(f"{TEXTS} texts of {WORDS} words at once, {time.perf_counter() - began:.1f} s: {dict(fates)}")
        for what, seconds in {"home page, idle": idle, "home page, meanwhile": meanwhile}.items():
            p50, p95 = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
            print(f"{what:24s} p50 {p50 * 1e3:6.1f} ms   p95 {p95 * 1e3:6.1f} ms   of {len(seconds)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
