"""`glasshouse sql`: the same rows as a table, CSV, JSON and Parquet; wrong queries answered in sentences."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sql.query_output import _met_in_python, answer, format_table, named_queries, write
from sql.sql_files import sql_files

QUERY = """
select feature_id, label, top_tokens, density, is_dead
from feature_card where recipe_id = 'mid' order by feature_id limit 3
"""
ROWS = [
    {"feature_id": 0, "label": "Function definitions", "top_tokens": ["def"], "density": 0.5, "is_dead": False},
    {"feature_id": 1, "label": None, "top_tokens": [" return"], "density": 0.3375, "is_dead": False},
    {"feature_id": 2, "label": "tokens like str", "top_tokens": [" str"], "density": 0.25, "is_dead": False},
]


def test_a_table_is_aligned_and_counts_its_rows(warehouse: Path):
    assert format_table(answer(warehouse, QUERY)).splitlines() == [
        "feature_id  label                 top_tokens   density  is_dead",
        "──────────  ────────────────────  ───────────  ───────  ───────",
        '         0  Function definitions  ["def"]          0.5  False',
        '         1                        [" return"]   0.3375  False',
        '         2  tokens like str       [" str"]        0.25  False',
        "(3 rows)",
    ]


def test_a_table_says_when_there_is_more(warehouse: Path):
    assert format_table(answer(warehouse, "select * from range(5)"), most=2).splitlines()[-1] == "(the first 2 rows)"
    assert format_table(answer(warehouse, "select 1")).splitlines()[-1] == "(1 row)"


def test_a_table_sends_no_commands_to_the_terminal(warehouse: Path):
    shown = format_table(
        answer(warehouse, "select chr(27) || '[2J' || chr(10) || chr(8238) as token, repeat('x', 500) as long")
    )
    assert shown.isprintable() is False, "lines are separated"
    assert all(line.isprintable() for line in shown.splitlines())
    assert r"\x1b[2J\n\u202e" in shown
    assert max(map(len, shown.splitlines())) < 100


def test_json_holds_every_value(warehouse: Path, tmp_path: Path):
    write(answer(warehouse, QUERY), "json", tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == ROWS


def test_json_of_what_json_has_no_word_for(warehouse: Path, tmp_path: Path):
    query = (
        "select 'nan'::double as x, [1, 'inf'::double] as y, date '2020-01-02' as d, {'a': 1} as s, 2::hugeint as h, "
        "chr(8232) as t"
    )
    write(answer(warehouse, query), "json", tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == [
        {"x": None, "y": [1, None], "d": "2020-01-02", "s": {"a": 1}, "h": 2, "t": "\u2028"}
    ]
    nested = """
        select {'a': 'nan'::double, 'b"': [{'c': '-inf'::float}, null]} as s, map {'k': 'nan'::double, 'l': 0.5} as m,
            [['inf'::double]] as l, [0.5, 'nan'::double]::double[2] as a, null::map(varchar, double) as no_map,
            null::struct(a double) as no_struct, 'a,NaN,b' as t
    """
    write(answer(warehouse, nested), "json", tmp_path / "c.json")
    wanted = {"s": {"a": None, 'b"': [{"c": None}, None]}, "m": {"k": None, "l": 0.5}, "l": [[None]], "a": [0.5, None]}
    [found] = json.loads((tmp_path / "c.json").read_text(), parse_constant=pytest.fail)
    assert found == wanted | {"no_map": None, "no_struct": None, "t": "a,NaN,b"}
    write(answer(warehouse, nested), "csv", tmp_path / "c.csv")
    with (tmp_path / "c.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert {name: json.loads(row[name], parse_constant=pytest.fail) for name in wanted} == wanted
    write(answer(warehouse, "select 1 where false"), "json", tmp_path / "b.json")
    assert json.loads((tmp_path / "b.json").read_text()) == []


def test_csv_keeps_quotes_newlines_and_lists(warehouse: Path, tmp_path: Path):
    write(answer(warehouse, "select 'a,\"b\"' || chr(10) as t, ['x', 'y'] as l, null as n"), "csv", tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["t", "l", "n"], ['a,"b"\n', '["x","y"]', ""]]


ROWS_WITHOUT_SELECT = [
    "pivot feature on is_dead using count(*)",
    "explain select 1;",
    "call duckdb_tables();",
    "pragma database_list",
    "show databases",
    "summarize feature",
]


@pytest.mark.parametrize(
    "query",
    ["select 1 as a; -- said", "show tables", "describe feature", "from feature limit 0", *ROWS_WITHOUT_SELECT],
)
@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_whatever_has_columns_is_written(warehouse: Path, tmp_path: Path, query: str, form: str):
    write(answer(warehouse, query), form, tmp_path / "out")
    assert (tmp_path / "out").stat().st_size > 0


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_rows_of_a_statement_that_selects_nothing_are_the_same_as_in_a_table(
    warehouse: Path, tmp_path: Path, form: str
):
    query = "pivot (values ('a', 1), ('b', 2), ('a', 3)) as t (name, n) on name using sum(n)"
    write(answer(warehouse, query), form, tmp_path / "out")
    if form == "parquet":
        assert [{k: int(v) for k, v in row.items()} for row in pq.read_table(tmp_path / "out").to_pylist()] == [
            {"a": 4, "b": 2}
        ]
    else:
        text = (tmp_path / "out").read_text()
        assert (json.loads(text) == [{"a": 4, "b": 2}]) if form == "json" else (text == "a,b\n4,2\n")


@pytest.mark.parametrize("text", ["é" * 2, "漢字", "é;é", "\U0001f600"])
@pytest.mark.parametrize("end", ["", ";", "; -- said; twice", " ;\n;"])
def test_a_query_is_cut_where_it_ends_whatever_its_letters(warehouse: Path, tmp_path: Path, text: str, end: str):
    write(answer(warehouse, f"select '{text}' as a, 'ü' as b{end}"), "csv", tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["a", "b"], [text, "ü"]]


def test_parquet_keeps_types(warehouse: Path, tmp_path: Path):
    write(answer(warehouse, QUERY), "parquet", tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.to_pylist() == ROWS
    assert str(table.schema.field("feature_id").type) == "int32"


@pytest.mark.parametrize("form", ["table", "csv", "json", "parquet"])
def test_standard_output_takes_every_form(warehouse: Path, capfdbinary: pytest.CaptureFixture[bytes], form: str):
    write(answer(warehouse, QUERY), form)
    assert b"Function definitions" in capfdbinary.readouterr().out


@pytest.mark.parametrize("name", [text.name for text in sql_files("queries")])
def test_questions_are_asked_by_name(warehouse: Path, name: str):
    assert format_table(answer(warehouse, name)).splitlines()[-1].endswith(("row)", "rows)"))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select * from feture", "feture.*\n.*`show tables`"),
        ("selekt 1", "syntax error"),
        ("", "the query is empty"),
        ("delete from feature", "read-only"),
        ("select error('halfway') from range(30000) where range = 29999", "halfway"),
    ],
)
def test_a_wrong_query_is_explained_and_leaves_no_file(warehouse: Path, tmp_path: Path, query: str, said: str):
    for form in ("csv", "json", "parquet"):
        with pytest.raises(ValueError, match=f"(?s){said}"):
            write(answer(warehouse, query), form, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_refused(warehouse: Path):
    with pytest.raises(ValueError, match="choose one of table, csv, json, parquet"):
        write(answer(warehouse, QUERY), "xlsx")


@pytest.mark.parametrize("name", ["no_such_name", "sae_summary", "DROP", "  densestfeatures "])
def test_a_word_that_names_no_query_is_answered_with_those_there_are(warehouse: Path, name: str):
    with pytest.raises(ValueError, match="there is no query") as refused:
        answer(warehouse, name)
    assert all(text.name in str(refused.value) for text in sql_files("queries"))
    assert ("the nearest is densest_features" in str(refused.value)) == ("densest" in name)


def test_the_named_queries_are_listed_with_what_they_answer():
    lines = named_queries().splitlines()
    assert [line.split()[0] for line in lines] == [text.name for text in sql_files("queries")]
    assert "Features by density" in "".join(lines) or all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize("query", ["select '\ud800'", "\udcff", "from sae_summary -- \ud83d"])
def test_a_query_that_is_no_unicode_is_a_sentence(warehouse: Path, query: str):
    with pytest.raises(ValueError, match=r"the query holds '\\ud[0-9a-f]{3}' at character \d+, which is no Unicode"):
        answer(warehouse, query)


@pytest.mark.parametrize(
    ("message", "met"),
    [
        (
            'Traceback (most recent call last):\n  File "signers.py", line 92, in sign\nNoCredentials: none',
            "NoCredentials: none",
        ),
        ("NoCredentials: none\n\nAt:\n  /lib/signers.py(92): sign\n  <string>(1): <module>\n", "NoCredentials: none"),
        ('Parser Error: syntax error at or near "At:"\n\nLINE 1: At:', None),
    ],
)
def test_what_the_stores_filesystem_met_is_told_by_duckdb_2_and_before(message: str, met: str | None):
    assert _met_in_python(message) == met
