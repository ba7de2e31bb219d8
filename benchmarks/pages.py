"""The pages over a made-up warehouse of 1,000,000 labelled features: what a reader waits for, what the server holds.

The server runs in a process of its own and is asked over HTTP, one request after the other, then by fifty readers at
once while new files are published. Aims: a feature's page in 20 ms (median) and 60 ms (95th percentile), a table with a
search in 150 ms, start-up in 2 s, 1 GB of memory, no error.
"""

import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.api_addresses import API
from sql.sql_files import sql_files
from sql.views import define_views
from sql.warehouse import create, define, schema_sha256

N_FEATURES = 1_000_000
READERS, PAGES_EACH, PUBLISHES = 50, 8, 3
ADDRESS = "/sae/made-up/wide"

KEYS = "'made-up' as model_id, 'wide' as recipe_id"
WINDOW = 32
SYLLABLES = "['ba','co','di','fu','ga','ho','in','ka','lo','mi','ne','or','pa','qui','ro','sa','te','un','ve','wa']"

DRAWN = f"""
create temp macro word(i) as {SYLLABLES}[1 + (i % 20)::bigint] || {SYLLABLES}[1 + (i // 20 % 20)::bigint] ||
    {SYLLABLES}[1 + (i // 400 % 20)::bigint];
create temp macro rare_last(h) as (pow(h % 1000000 / 1000000, 3) * 8000)::bigint;
create temp table passage as
select i, list_transform(range({WINDOW}), lambda place: word(hash(i, place) % 8000)) as tokens
from range(20000) as t(i);
"""
"""Eight thousand words, and windows of them; a label has four words, the first ones far more often than the last."""

ROWS = {
    "model": """
        select 'made-up' as model_id, 'made-up' as corpus_id, 'made-up' as source, null as revision,
            '0' as weights_sha256, 'GPT2LMHeadModel' as architecture, 12 as n_layers, 768 as d_model,
            8000 as vocab_size, 1 as n_parameters,
            'float32' as dtype, timestamp '2026-01-02 12:00:00' as registered_at
    """,
    "corpus": """
        select 'made-up' as corpus_id, '0' as frame_sha256, 'made-up' as source, 1000 as n_documents,
            100000 as n_contexts, 12800000 as n_tokens, 128 as context_length, '0' as sha256
    """,
    "sae": f"""
        select {KEYS}, '0' as identity, 'made-up' as corpus_id, '0' as frame_sha256, 'resid_post.5' as site,
            5 as layer, 'topk' as architecture, 768 as d_in, $n as n_features, '{{}}' as config,
            1000 as n_training_tokens, 0 as seed, 'made-up' as uri, 'trained' as origin, '1' as code_version,
            timestamp '2026-01-02 12:00:00' as created_at
    """,
    "sae_metric": f"""
        select {KEYS}, 'held_out' as split, unnest(['l0', 'fvu']) as metric, unnest([32.0, 0.1]) as value,
            unnest(['features', 'fraction']) as unit, 100 as n_tokens
    """,
    "feature": f"""
        select {KEYS}, f as feature_id, firings as n_firings, 12800000 as n_tokens, firings / 12800000 as density,
            case when firings > 0 then 1.5 end as mean_activation, case when firings > 0 then 0.5 end as std_activation,
            case when firings > 0 then strongest end as max_activation, firings = 0 as is_dead, 1.0 as decoder_norm,
            hash(f, 'cosine') % 1000 / 1000 as encoder_decoder_cosine
        from feature_drawn
    """,
    "logit_shape": f"""
        select {KEYS}, f as feature_id, hash(f, 'skew') % 1000 / 500 - 1 as logit_skew, 3.0 as logit_kurtosis
        from feature_drawn
    """,
    "activation_histogram": f"""
        select {KEYS}, f as feature_id, bin, strongest * bin / 50 as lower, strongest * (bin + 1) / 50 as upper,
            (firings / pow(2, bin / 4))::bigint as n
        from feature_drawn, range(50) as t(bin)
        order by f, bin
    """,
    "logit_effect": f"""
        select {KEYS}, f as feature_id, direction, rank, hash(f, direction, rank) % 8000 as token_id,
            word(hash(f, direction, rank) % 8000) as token,
            case direction when 'positive' then 1 else -1 end * (2 - rank / 10) as logit_weight
        from feature_drawn, range(10) as t(rank), (select unnest(['negative', 'positive']) as direction)
        order by f, direction, rank
    """,
    "neighbor": f"""
        select {KEYS}, f as feature_id, kind, rank, 'made-up' as other_model_id, 'wide' as other_recipe_id,
            hash(f, kind, rank) % $n as other_feature_id, 0.9 - rank / 20 as value
        from feature_drawn, range(10) as t(rank), (select unnest(['cofiring_jaccard', 'decoder_cosine']) as kind)
        order by f, kind, rank
    """,
    "example": f"""
        select {KEYS}, f as feature_id, kind, interval_index, rank,
            printf('%016x', hash(f, kind, interval_index, rank)) as example_id,
            hash(f, kind, rank) % 100000 as context_id, 'doc-' || hash(f, kind, rank) % 1000 as document_id,
            hash(f, rank) % 96 as position, activation,
            p.tokens[:16] || [word(hash(f, rank % 2) % 8000)] || p.tokens[18:] as tokens,
            list_transform(range({WINDOW}), lambda i: case when i = 16 then activation else 0 end)::float[]
                as activations,
            16 as peak
        from feature_drawn, (values
            ('top', null, 0, 1.0), ('top', null, 1, 0.95), ('top', null, 2, 0.9),
            ('interval', 0, 0, 0.05), ('interval', 2, 0, 0.25), ('interval', 5, 0, 0.55), ('interval', 9, 0, 0.95),
            ('control', null, 0, 0.0), ('control', null, 1, 0.0)
        ) as kept(kind, interval_index, rank, share), lateral (select strongest * share) as t(activation)
        join passage as p on p.i = hash(f, kind, interval_index, rank) % 20000
        order by f, kind, interval_index, rank
    """,
    "explanation": f"""
        select {KEYS}, printf('%016x', hash(f, 'label')) as explanation_id, f as feature_id,
            'anthropic' as explainer, 'made-up' as llm,
            concat_ws(' ', word(rare_last(hash(f, 1))), word(rare_last(hash(f, 2))), word(rare_last(hash(f, 3))),
                word(rare_last(hash(f, 4)))) as label,
            'ok' as status, 8 as n_examples, 900 as input_tokens, 30 as output_tokens, 0.001 as cost_usd,
            timestamp '2026-01-02 12:00:00' as created_at
        from feature_drawn
    """,
    "explanation_score": f"""
        select {KEYS}, printf('%016x', hash(f, 'label')) as explanation_id, scorer,
            'balanced_accuracy' as metric, value, value as ci_low, value as ci_high, 20 as n_trials, 0 as n_failed,
            true as is_headline
        from feature_drawn, (select unnest(['detection', 'fuzzing']) as scorer),
            lateral (select hash(f, scorer) % 1000 / 1000) as t(value)
        order by explanation_id, scorer
    """,
    "specificity": f"""
        select {KEYS}, printf('%016x', hash(feature_id, 'label')) as explanation_id, example_id, feature_id,
            interval_index, activation, hash(example_id) % 4 as rating, 'because' as reason, 'ok' as status,
            'anthropic' as judge
        from example where kind <> 'top'
    """,
}
"""The rows of each table, by feature; `feature_drawn` holds what is drawn by chance for each."""


_FEATURES = """
create or replace temp view feature_drawn as
select
    f::integer as f,
    case when hash(f) % 50 = 0 then 0 else 1 + pow(10, hash(f, 'd') % 5000 / 1000)::bigint end as firings,
    1 + hash(f, 'strongest') % 1000 / 100 as strongest
from range({first}, {end}) as t(f)
"""


def write_warehouse(file: Path, n_features: int, together: int = 122_880) -> None:
    """A published file with one dictionary of so many labelled features, nine examples each; `together` at a time."""
    with closing(create(file)) as con:
        con.execute("set memory_limit = '4GB'")
        define(con)
        con.execute(DRAWN)
        for table, rows in ROWS.items():
            width = n_features if table == "explanation_score" else together
            for first in range(0, n_features, width) if "feature_drawn" in rows or "from example" in rows else [0]:
                last = min(first + width, n_features) - 1
                con.execute(_FEATURES.format(first=first, end=last + 1))
                some = rows.replace("from example", f"from (from example where feature_id between {first} and {last})")
                con.execute(f"insert into {table} by name {some}", {"n": n_features} if "$n" in rows else {})
            con.execute("checkpoint")
        define_views(con)
        con.execute("create temp table touched as select 'made-up' as model_id, 'wide' as recipe_id")
        for text in sql_files("derived"):
            con.execute(text.sql)
        con.execute("insert into _publication values (now()::timestamp, 'made-up', $1, '', '')", [schema_sha256()])
        con.execute("checkpoint")


@contextmanager
def _serving(file: Path) -> Iterator[tuple[int, int, float]]:
    """Port and process of a server of the file, and the seconds until its first page."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = "import sys, pathlib, web.app; web.app.serve(pathlib.Path(sys.argv[1]), '127.0.0.1', int(sys.argv[2]))"
    began = time.perf_counter()
    server = subprocess.Popen([sys.executable, "-c", program, str(file), str(port)])
    try:
        while True:
            with suppress(ConnectionRefusedError):
                _ask(HTTPConnection("127.0.0.1", port), f"{ADDRESS}/0")
                break
            time.sleep(0.02)
        yield port, server.pid, time.perf_counter() - began
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


def _ask(http: HTTPConnection, address: str) -> float:
    """Seconds until the whole answer is there, which must be a page."""
    began = time.perf_counter()
    http.request("GET", address)
    answer = http.getresponse()
    answer.read()
    assert answer.status == 200, f"{address}: {answer.status}"
    return time.perf_counter() - began


def _say(what: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    p50, p95 = statistics.median(ordered), ordered[int(0.95 * len(ordered))]
    print(f"{what:44s} p50 {p50 * 1e3:7.1f} ms   p95 {p95 * 1e3:7.1f} ms   of {len(ordered)}", flush=True)


def _processor(pid: int) -> float:
    """Seconds of processor that the process has used: what its work takes, however busy the machine is."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> dict[str, int]:
    """Most that the process held at once, and what it holds, in MB."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return {name: int(lines[name].split()[0]) // 1000 for name in ("VmHWM", "VmRSS")}


def _readers(port: int, publish: Callable[[], None]) -> tuple[list[float], list[str]]:
    """What fifty readers waited, and their errors, while files are published among them."""
    waited: list[float] = []
    errors: list[str] = []

    def read(seed: int) -> None:
        chance, http = random.Random(seed), HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(PAGES_EACH):
            try:
                waited.append(_ask(http, f"{ADDRESS}/{chance.randrange(N_FEATURES)}"))
            except (AssertionError, OSError) as error:
                errors.append(str(error))
                http = HTTPConnection("127.0.0.1", port, timeout=60)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(READERS)]
    for thread in threads:
        thread.start()
    for _ in range(PUBLISHES):
        time.sleep(1)
        publish()
    for thread in threads:
        thread.join()
    return waited, errors


def _measure(file: Path) -> None:
    chance = random.Random(0)
    with _serving(file) as (port, pid, started):
        print(f"{'start-up, to the first page':44s} {started:.2f} s", flush=True)
        http = HTTPConnection("127.0.0.1", port)
        _say("first page of the dictionary", [_ask(http, ADDRESS)])
        _say("home, first", [_ask(http, "/")])
        before = _processor(pid)
        _say("feature page", [_ask(http, f"{ADDRESS}/{chance.randrange(N_FEATURES)}") for _ in range(300)])
        print(
            f"{'its work in the server':44s} {(_processor(pid) - before) / 300 * 1e3:.1f} ms of processor", flush=True
        )
        for what, address in API.items():
            asked = [address.format(chance.randrange(N_FEATURES)) for _ in range(100)]
            _say(f"API, {what}", [_ask(http, one) for one in asked])
        parts = [chance.choice("bcdfghiklmnopqrstuvw") + chance.choice("aeiou") for _ in range(60)]
        searches = [f"label={part}{chance.choice(parts)}{chance.choice(['', chance.choice(parts)])}" for part in parts]
        sorts = ["", "&sort=density&order=descending", "&sort=detection&order=descending", "&sort=label"]
        _say("table, search by label", [_ask(http, f"{ADDRESS}?{s}{chance.choice(sorts)}") for s in searches])
        tokens = [f"token={part}{chance.choice(parts)}{chance.choice(parts)}" for part in parts[:20]]
        _say("table, search by token", [_ask(http, f"{ADDRESS}?{token}") for token in tokens])
        words = [f"example={part}{chance.choice(parts)}{chance.choice(parts)}" for part in parts[:20]]
        _say("table, search by text of examples", [_ask(http, f"{ADDRESS}?{word}") for word in words])
        unsearched = [f"page={n}&sort=density&order=descending" for n in range(2, 22)]
        _say("table, by density, no search", [_ask(http, f"{ADDRESS}?{asked}") for asked in unsearched])
        _say("every dictionary, search", [_ask(http, f"/search?text={part}{part}") for part in parts[:10]])
        print(f"{'memory':44s} {_memory(pid)} MB", flush=True)

        other, turn = file.with_name("other.duckdb"), file.with_name("turn.duckdb")
        other.write_bytes(b"")
        subprocess.run(["cp", str(file), str(other)], check=True)
        kept = [file.with_name("a.duckdb"), other]
        os.link(file, kept[0])

        def publish() -> None:
            """A file of another inode takes the place, as a publication's does."""
            os.link(kept[1], turn)
            turn.replace(file)
            kept.reverse()

        waited, errors = _readers(port, publish)
        _say(f"feature page, {READERS} readers, {PUBLISHES} publishes", waited)
        print(f"{'errors':44s} {len(errors)} {errors[:2]}", flush=True)
        print(f"{'memory afterwards':44s} {_memory(pid)} MB", flush=True)


def main() -> None:
    with TemporaryDirectory() as folder:
        file, began = Path(folder) / "warehouse.duckdb", time.perf_counter()
        write_warehouse(file, N_FEATURES)
        print(f"{'made in':44s} {time.perf_counter() - began:.0f} s, {file.stat().st_size / 1e6:,.0f} MB", flush=True)
        _measure(file)
