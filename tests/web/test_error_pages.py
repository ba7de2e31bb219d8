"""What a page says when it cannot be what was asked for, and that a new file is seen as soon as it is published."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest
from starlette.testclient import TestClient
from synthetic_store import SyntheticStore

from sql.publish import publish
from sql.views import define_views
from sql.warehouse import create, define
from web.app import HEADERS, app
from web.query_files import queries
from web.warehouse_file import LatestWarehouse

CHECKOUT = Path(__file__).parents[2]


def told(client: TestClient, address: str, read) -> tuple[int, str, dict[str, str]]:
    """Status, sentence and suggestions of a page that is a problem."""
    answer = client.get(address)
    page = read(answer.text)
    near = {link.text: link.attributes["href"] for found in page.all("ul") for link in found.all("a")}
    return answer.status_code, page.one("p", **{"class": "problem"}).text, near


@pytest.mark.parametrize("address", ["/sae/demo/mdi", "/sae/demo/mdi/3", "/sae/demo/mdi/random", "/sae/Demo/mid"])
def test_an_unknown_dictionary_suggests_near_ones(visitor, read, address):
    status, sentence, near = told(visitor, address, read)
    assert status == 404
    assert sentence == f"there is no dictionary {'/'.join(address.split('/')[2:4])} in this warehouse"
    assert near["demo/mid"] == "/sae/demo/mid"


@pytest.mark.parametrize("feature", ["12", "999999999", "9" * 5000, "-1", "1.5", "abc", "٣", "0x1"])
def test_a_feature_beyond_the_width_suggests_the_first_and_the_last(visitor, read, feature):
    status, sentence, near = told(visitor, f"/sae/demo/mid/{feature}", read)
    assert status == 404
    assert sentence.startswith(f"demo/mid has 12 features, numbered from 0 to 11: there is no feature {feature[:200]}")
    assert near == {
        "feature 0": "/sae/demo/mid/0",
        "feature 11": "/sae/demo/mid/11",
        "demo/mid": "/sae/demo/mid",
    }


def test_other_addresses_and_methods_are_pages_too(visitor, read):
    assert told(visitor, "/no/where", read)[:2] == (404, "there is nothing at /no/where")
    assert told(visitor, "/static/none.css", read)[0] == 404
    assert told(visitor, "/static/..%2fapp.py", read)[0] == 404
    assert told(visitor, "/sae/demo/mid/jump?feature=x", read)[:2] == (404, "a feature is a number, counted from 0")
    assert visitor.post("/").status_code == 405


def test_a_missing_warehouse_says_how_to_make_one_and_is_found_once_it_is_there(tmp_path, warehouse, read):
    published = tmp_path / "warehouse.duckdb"
    client = TestClient(app(published))
    status, sentence, _ = told(client, "/", read)
    assert status == 503
    assert sentence.startswith(f"there is no warehouse at {published}: materialize `published_warehouse`")
    shutil.copy(warehouse, published)
    assert client.get("/sae/demo/mid/0").status_code == 200
    published.unlink()
    assert client.get("/sae/demo/mid/0").status_code == 503


def test_a_file_that_is_no_warehouse_says_so(tmp_path, read):
    published = tmp_path / "warehouse.duckdb"
    published.write_text("not a database")
    status, sentence, _ = told(TestClient(app(published)), "/", read)
    assert status == 503
    assert "cannot be opened as a Glasshouse warehouse" in sentence


def test_a_warehouse_of_another_schema_says_which_and_what_to_do(tmp_path, warehouse, read):
    published = tmp_path / "warehouse.duckdb"
    shutil.copy(warehouse, published)
    with closing(create(published)) as con:
        con.execute("update _publication set schema_sha256 = 'of another version'")
    status, sentence, _ = told(TestClient(app(published)), "/sae/demo/mid", read)
    assert status == 503
    assert "was published with schema of another v, and these pages read schema" in sentence
    assert "run `glasshouse publish`, or materialize `published_warehouse`" in sentence


def test_a_mistake_of_ours_is_a_page_without_a_traceback(tmp_path, warehouse, read):
    published = tmp_path / "warehouse.duckdb"
    shutil.copy(warehouse, published)
    with closing(create(published)) as con:
        con.execute("drop view sae_pareto")
    client = TestClient(app(published), raise_server_exceptions=False)
    status, sentence, _ = told(client, "/", read)
    assert status == 500
    assert "CatalogException" in sentence
    assert client.get("/sae/demo/mid/0").status_code == 200


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("a=demo/mdi/3", "there is no dictionary demo/mdi"),
        ("a=demo/mid/3&b=demo/mid/12", "demo/mid has 12 features"),
        ("b=demo", "there is no dictionary demo/"),
        ("b=demo/mid", "demo/mid has 12 features"),
        ("a=demo/mid&b=demo", "there is no dictionary demo/"),
        ("a=demo/mid&b=demo/mdi", "there is no dictionary demo/mdi"),
        ("a=demo/mid&b=demo/mid/3", "demo/mid has 12 features"),
    ],
)
def test_comparing_with_what_is_not_there_suggests_what_is(visitor, read, asked, said):
    status, sentence, near = told(visitor, f"/compare?{asked}", read)
    assert status == 404
    assert sentence.startswith(said)
    assert near["demo/mid"] == "/sae/demo/mid"


@pytest.mark.parametrize("embed", ["", "nothing", "labels,nothing", "<b>", "../overview"])
def test_a_panel_that_is_not_there_suggests_those_that_are(visitor, read, embed):
    status, sentence, near = told(visitor, f"/sae/demo/mid/3?embed={embed}", read)
    assert status == 404
    assert sentence.startswith("there is no panel ")
    assert near["examples"] == "/sae/demo/mid/3?embed=examples"


def test_an_empty_warehouse_has_a_home(tmp_path, read):
    published = tmp_path / "warehouse.duckdb"
    (tmp_path / "tables").mkdir()
    publish(published, SyntheticStore(str(tmp_path)).stored)
    page = read(TestClient(app(published)).get("/").text)
    assert "The warehouse has no dictionary yet" in page.section("welcome").text
    assert [section.attributes["id"] for section in page.all("section")] == ["welcome"], "nothing is shown of nothing"


def test_every_query_runs_on_an_empty_warehouse(tmp_path):
    values = {
        "model_id": "m", "recipe_id": "r", "feature_id": 0, "start": 0,
        "list_id": "l", "sources": ["s"], "source": "s", "experiment_id": "x", "first_prompt": 0, "last_prompt": 9,
        "label": "", "token": "", "text": "x", "liveness": "all", "sort": "label", "descending": True,
        "per_page": 5, "prompt_id": 0, "node_id": 0, "source_node_id": 0, "target_node_id": 0,
        "skipped": 0, "other_model_id": "m", "other_recipe_id": "r", "feature_ids": [0, 1],
        "first": 0, "last": 9, "cluster_id": 0, "features": [0], "most": 5, "least_share": 0.0,
        "vector": [1.0, 0.0], "encoder": "compass", "number": 0,
    }  # fmt: skip
    with closing(create(tmp_path / "empty.duckdb")) as con:
        define(con)
        define_views(con)
        for query in queries().values():
            rows = con.execute(query.sql, query.bind(values)).fetchall()
            assert rows in ([], [(0,)], [(1,)], [(None, None, 0)]), query.name
            assert query.title.endswith("."), query.name


def test_what_is_published_is_on_the_next_page(tmp_path, read):
    store = SyntheticStore(str(tmp_path))
    store.write_model("demo")
    store.write_sae("demo", "mid", labels=False)
    published = tmp_path / "warehouse.duckdb"
    publish(published, store.stored)
    client = TestClient(app(published))
    before = read(client.get("/sae/demo/mid/0").text)
    assert client.get("/sae/demo/late").status_code == 404

    store.write_sae("demo", "mid")
    store.write_sae("demo", "late", labels=False)
    publish(published, store.stored)
    after = read(client.get("/sae/demo/mid/0").text)
    assert client.get("/sae/demo/late").status_code == 200
    assert [page.one("h1").text for page in (before, after)] == ["Feature without a label", "Function definitions"]
    [row] = before.section("matches").rows
    assert [cell.text.strip() for cell in (row[0], row[-1])] == ["late/1", "no label"], "late was not in the file yet"


@pytest.mark.slow
def test_readers_see_no_error_while_files_are_published(tmp_path, warehouse):
    published, other = tmp_path / "warehouse.duckdb", tmp_path / "other.duckdb"
    shutil.copy(warehouse, published)
    client = TestClient(app(published))

    def read(n: int) -> int:
        if n % 10 == 0:
            shutil.copy(warehouse, other.with_name(f"{n}"))
            other.with_name(f"{n}").replace(published)
        return client.get(f"/sae/demo/mid/{n % 12}").status_code

    with ThreadPoolExecutor(8) as readers:
        assert set(readers.map(read, range(40))) == {200}


def test_who_opened_a_file_keeps_it(tmp_path, warehouse):
    published = tmp_path / "warehouse.duckdb"
    shutil.copy(warehouse, published)
    newest = LatestWarehouse(published)
    first = newest.get()
    assert newest.get() is first, "a file that stays is opened once"
    shutil.copy(warehouse, tmp_path / "next")
    (tmp_path / "next").replace(published)
    second = newest.get()
    assert second is not first
    values = {"model_id": "demo", "recipe_id": "mid", "feature_id": 3}
    assert first.ask(queries()["feature"], values) == second.ask(queries()["feature"], values)


@pytest.mark.parametrize("address", ["/", "/sae/demo/mid/0", "/nowhere", "/static/style.css"])
def test_every_answer_forbids_what_is_inline_or_from_elsewhere(visitor, address):
    answer = visitor.get(address)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in HEADERS["content-security-policy"]
    assert "http" not in answer.text.replace("http-equiv", ""), "an address of another host"


def test_the_server_answers_on_its_port_and_ends_when_told_to(warehouse):
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = "import sys, pathlib, web.app; web.app.serve(pathlib.Path(sys.argv[1]), '127.0.0.1', int(sys.argv[2]))"
    server = subprocess.Popen([sys.executable, "-c", program, str(warehouse), str(port)], cwd=CHECKOUT)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/sae/demo/mid/3", timeout=60) as answer:
                assert ">Feature 3 of demo/mid<" in answer.read().decode()
                break
            time.sleep(0.1)
        else:
            pytest.fail("the server did not answer within a minute")
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(30) in (0, 130, -signal.SIGINT)
