"""Dictionaries leave the house as Neuronpedia's importer wants them, and come back as they were."""

import json
import shutil
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest
import s3fs
from door_house import exported_house, house, lines
from neuronpedia_importer import Importer
from starlette.testclient import TestClient
from synthetic_codes import BINS, DEAD, LENGTH, N_CONTEXTS, N_FEATURES, plant
from synthetic_store import SyntheticStore

from models.features.example_windows import example_id
from pipelines.interchange.import_export import export_dictionary, import_dictionary
from pipelines.store.publication import publish_store
from pipelines.store.store import Store
from sql.warehouse import connect
from storage import manifest
from storage.manifest import Manifest
from web.app import app

SURVIVES: dict[str, list[str]] = {
    "feature": ["feature_id", "n_firings", "n_tokens", "density", "max_activation", "is_dead"],
    "activation_histogram": ["feature_id", "bin", "lower", "upper", "n"],
    "example": [
        "feature_id", "kind", "interval_index", "rank", "context_id", "document_id", "position", "activation",
        "tokens", "activations", "peak",
    ],
    "logit_effect": ["feature_id", "direction", "rank", "token", "logit_weight"],
    "neighbor": ["feature_id", "kind", "rank", "other_model_id", "other_recipe_id", "other_feature_id", "value"],
    "explanation": [
        "explanation_id", "feature_id", "llm", "prompt", "label", "status", "error", "n_examples", "created_at",
    ],
    "explanation_score": [
        "explanation_id", "scorer", "metric", "value", "ci_low", "ci_high", "n_trials", "n_failed",
        "is_headline",
    ],
    "sae": ["site", "layer", "n_features"],
}  # fmt: skip
"""What comes back as it went, under the same names. Of the others: a failed label is none there, nor has a dead feature
bins; an explainer comes back as neuronpedia:<explainer>; and the layout has no place for mean and spread of
activations, decoder norm, encoder-decoder cosine, skew and kurtosis, token ids, ratings, prompts' hashes, costs,
training curves, metrics and the codes."""


def kept(store: Store, name: str, columns: list[str], recipe_id: str = "mid") -> list[dict[str, Any]]:
    """Rows of a partition, in an order of their own."""
    folder = Path(store.layout.table_at(name, model_id="demo", recipe_id=recipe_id).url)
    files = [str(path) for path in folder.glob("*.parquet")]
    rows = ds.dataset(files).to_table(columns=columns).to_pylist() if files else []
    return sorted(rows, key=lambda row: json.dumps(row, default=str, sort_keys=True))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Path]:
    return exported_house(tmp_path_factory.mktemp("from"))


def test_their_importer_takes_every_line_of_an_export(exported: tuple[Store, Path]):
    _, source = exported
    importer = Importer()
    importer.take(source.parent.parent, source)
    assert source.relative_to(source.parent.parent).as_posix() == "demo/2-mid"
    assert {table: len(rows) for table, rows in importer.rows.items() if rows} == {
        "Model": 1,
        "SourceRelease": 1,
        "SourceSet": 1,
        "Source": 1,
        "Neuron": N_FEATURES,
        "Activation": (N_FEATURES - 1) * 8,
        "Explanation": N_FEATURES - 1,
        "ExplanationType": 2,
        "ExplanationModelType": 1,
    }


def test_groups_say_which_share_of_all_tokens_lies_in_them(exported: tuple[Store, Path]):
    planted, n_tokens = plant(0), N_CONTEXTS * LENGTH
    for line in lines(exported[1] / "activations" / "batch-0.jsonl.gz"):
        acts = [row["activation"] for row in planted if row["feature_id"] == int(line["index"])]
        group = line["binMin"], line["binMax"], line["binContains"]
        assert line["values"][line["qualifyingTokenIndex"]] <= line["maxValue"] == max(line["values"])
        if group[2] == -1:
            assert group == (-1, max(acts), -1)
        elif line["maxValue"] == 0:
            assert group == (0, 0, 1 - len(acts) / n_tokens)
        else:
            assert group[0] in (0, max(acts) / 2)
            assert group[1] == group[0] + max(acts) / 2
            assert group[2] == sum(group[0] < act <= group[1] for act in acts) / n_tokens


def test_features_say_how_they_fire_and_what_is_near_them(exported: tuple[Store, Path]):
    planted, n_tokens = plant(0), N_CONTEXTS * LENGTH
    fires = [{(r["context_id"], r["position"]) for r in planted if r["feature_id"] == f} for f in range(N_FEATURES)]
    for feature, line in enumerate(lines(exported[1] / "features" / "batch-0.jsonl.gz")):
        acts = [row["activation"] for row in planted if row["feature_id"] == feature]
        assert (line["index"], line["hookName"]) == (str(feature), "blocks.2.hook_resid_post")
        assert line["frac_nonzero"] == len(acts) / n_tokens
        assert line["maxActApprox"] == max(acts, default=None)
        assert sum(line["freq_hist_data_bar_heights"]) == len(acts)
        assert len(line["freq_hist_data_bar_values"]) == (BINS if acts else 0)
        assert (line["topkCosSimIndices"], line["topkCosSimValues"]) == ([(feature + 1) % N_FEATURES], [0.25])
        assert (line["pos_values"], line["neg_values"], len(line["pos_str"])) == ([1.5], [-1.5], 1)
        other, n = len(fires[(feature + 1) % N_FEATURES]), n_tokens
        both = 0.25 * (len(acts) + other) / 1.25  # the Jaccard index that the store says, whatever fires
        spread = (len(acts) * (n - len(acts)) * other * (n - other)) ** 0.5
        phi = (both * n - len(acts) * other) / spread if spread else 0.0
        assert line["correlated_features_pearson"] == [pytest.approx(phi)]
        assert line["correlated_features_l1"] == [0.25]


def test_their_importer_takes_a_dictionary_that_nobody_has_labelled(tmp_path: Path):
    synthetic = SyntheticStore(str(tmp_path))
    synthetic.write_model("demo")
    synthetic.write_sae("demo", "late", labels=False)
    source = Path(
        export_dictionary(house(tmp_path), "demo", "late", "neuronpedia", str(tmp_path / "out"), [1, DEAD]).url
    )
    importer = Importer()
    importer.take(tmp_path / "out", source)
    assert {key[2] for key in importer.rows["Neuron"]} == {"1", str(DEAD)}
    assert not importer.rows["Explanation"]
    assert (
        import_dictionary(house(tmp_path / "in"), "neuronpedia", str(source), "demo", "late").rows["explanation"] == 0
    )


def test_an_export_is_the_same_to_the_byte_every_time(exported: tuple[Store, Path], tmp_path: Path):
    store, first = exported
    again = Path(export_dictionary(store, "demo", "mid", "neuronpedia", str(tmp_path)).url)
    names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert [(first / name).read_bytes() for name in names] == [(again / name).read_bytes() for name in names]


def test_a_dictionary_comes_back_as_it_went(exported: tuple[Store, Path], tmp_path: Path):
    store, source = exported
    other = house(tmp_path)
    import_dictionary(other, "neuronpedia", str(source), "demo", "mid")
    for name, columns in SURVIVES.items():
        went = kept(store, name, columns)
        if name == "explanation":
            went = [row for row in went if row["status"] == "ok"]
        if name == "activation_histogram":
            went = [row for row in went if row["feature_id"] != DEAD]
        assert kept(other, name, columns) == went, name
        assert went, name
    for row in kept(other, "example", [*SURVIVES["example"], "example_id"]):
        place = (row[key] for key in ("feature_id", "kind", "interval_index", "context_id", "position"))
        assert row["example_id"] == example_id("demo", "mid", *place)
    explainers = {row["explainer"] for row in kept(other, "explanation", ["explainer"])}
    assert explainers == {"neuronpedia:lexical", "neuronpedia:anthropic"}
    assert kept(other, "sae", ["origin"]) == [{"origin": "imported:neuronpedia"}]
    assert kept(other, "feature", ["mean_activation", "decoder_norm"])[0] == {
        "mean_activation": None,
        "decoder_norm": None,
    }


def test_an_import_can_be_exported_and_is_the_same_dump(exported: tuple[Store, Path], tmp_path: Path):
    _, source = exported
    other = house(tmp_path)
    import_dictionary(other, "neuronpedia", str(source), "demo", "mid")
    again = Path(export_dictionary(other, "demo", "mid", "neuronpedia", str(tmp_path / "out")).url)
    stamped = {"createdAt", "updatedAt"}
    for name in ("features", "activations", "explanations"):
        went, came = (lines(place / name / "batch-0.jsonl.gz") for place in (source, again))
        assert [{k: v for k, v in line.items() if k not in stamped} for line in came] == [
            {k: v for k, v in line.items() if k not in stamped} for line in went
        ]


def test_an_import_is_published_keeps_every_rule_and_has_pages(exported: tuple[Store, Path]):
    store, source = exported
    import_dictionary(store, "neuronpedia", str(source), "demo", "came")
    import_dictionary(store, "neuronpedia", str(source), "elsewhere", "came")
    assert publish_store(store).violations == []
    with closing(connect(store.published)) as con:
        rows = con.execute(
            "select sae_id, origin, n_features, n_tokens, n_dead, n_labelled from sae_summary order by 1"
        )
        assert rows.fetchall() == [
            ("demo/came", "imported:neuronpedia", N_FEATURES, N_CONTEXTS * LENGTH, 1, N_FEATURES - 2),
            ("demo/mid", "trained", N_FEATURES, N_CONTEXTS * LENGTH, 1, N_FEATURES - 2),
            ("elsewhere/came", "imported:neuronpedia", N_FEATURES, N_CONTEXTS * LENGTH, 1, N_FEATURES - 2),
        ]
        ratings = con.execute("select model_id, d_model from model order by 1").fetchall()
        assert ratings == [("demo", 8), ("elsewhere", 8)]
    visitor = TestClient(app(store.published))
    for address in ("/", "/sae/demo/came", "/sae/elsewhere/came", "/sae/demo/came/3", f"/sae/elsewhere/came/{DEAD}"):
        answer = visitor.get(address)
        assert answer.status_code == 200, answer.text
    assert "neuronpedia:lexical" in visitor.get("/sae/demo/came/3").text


def test_only_chosen_features_leave(exported: tuple[Store, Path], tmp_path: Path):
    store, _ = exported
    source = Path(export_dictionary(store, "demo", "mid", "neuronpedia", str(tmp_path / "out"), features=[2, 5]).url)
    for name in ("features", "activations", "explanations"):
        assert {line["index"] for line in lines(source / name / "batch-0.jsonl.gz")} == {"2", "5"}
    other = house(tmp_path)
    done = import_dictionary(other, "neuronpedia", str(source), "demo", "two")
    assert done.rows["feature"] == 2
    assert publish_store(other).violations == []


def test_the_same_dump_is_not_read_twice_and_another_replaces_it(exported: tuple[Store, Path], tmp_path: Path):
    copied = Path(shutil.copytree(exported[1], tmp_path / "2-mid"))
    store = house(tmp_path / "home")
    first = import_dictionary(store, "neuronpedia", str(copied), "demo", "mid")
    again = import_dictionary(store, "neuronpedia", str(copied), "demo", "mid")
    assert (first.again, again.again, again.rows) == (False, True, first.rows)
    shutil.rmtree(copied / "explanations")
    assert import_dictionary(store, "neuronpedia", str(copied), "demo", "mid").rows["explanation"] == 0
    assert kept(store, "explanation", ["label"]) == []
    assert publish_store(store).violations == []


def test_names_that_are_taken_are_refused(exported: tuple[Store, Path]):
    store, source = exported
    with pytest.raises(
        ValueError, match=r"demo/mid is a dictionary that was made here: import under another recipe id"
    ):
        import_dictionary(store, "neuronpedia", str(source), "demo", "mid")
    with pytest.raises(ValueError, match=r"id '../mid' is refused"):
        import_dictionary(store, "neuronpedia", str(source), "demo", "../mid")
    with pytest.raises(ValueError, match=r"no importer 'csv'; there are delphi, neuronpedia, saedashboard"):
        import_dictionary(store, "csv", str(source), "demo", "new")
    with pytest.raises(ValueError, match=r"no dictionary demo/nothing \(there: .*demo/mid.*\): correct the names"):
        export_dictionary(store, "demo", "nothing", "neuronpedia", "out")
    with pytest.raises(ValueError, match=r"demo/mid has no features 12, 99: name some of 0 to 11"):
        export_dictionary(store, "demo", "mid", "neuronpedia", "out", features=[3, 99, 12])


@pytest.mark.slow
def test_dumps_lie_on_s3_as_well_as_here(exported: tuple[Store, Path], s3: str, tmp_path: Path):
    store, source = exported
    there = export_dictionary(store, "demo", "mid", "neuronpedia", f"{s3}/dumps")
    assert there.url == f"{s3}/dumps/demo/2-mid"
    for name in ("source.jsonl", "features/batch-0.jsonl.gz"):
        assert there.read_bytes(name) == (source / name).read_bytes()
    registry = house(tmp_path / "home").registry
    remote = Store(home=f"{s3}/home", registry=registry, warehouse=str(tmp_path / "warehouse.duckdb"))
    done = import_dictionary(remote, "neuronpedia", there.url, "demo", "mid")
    assert done.rows["feature"] == N_FEATURES
    assert publish_store(remote).violations == []
    assert export_dictionary(remote, "demo", "mid", "neuronpedia", f"{s3}/again").exists("source.jsonl")


def test_an_import_hashes_every_file_of_the_dump_once(
    exported: tuple[Store, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What is staged is not hashed again where it is linked, checked or copied."""
    hashed, plain = Counter(), manifest.sha256_of_file

    def counted(path: Path) -> str:
        hashed[sha256 := plain(path)] += 1
        return sha256

    monkeypatch.setattr(manifest, "sha256_of_file", counted)
    store = house(tmp_path / "home")
    import_dictionary(store, "neuronpedia", str(exported[1]), "demo", "mid")
    for name in SURVIVES.keys() - {"sae"}:
        stored = Manifest.read(store.layout.table_at(name, model_id="demo", recipe_id="mid"))
        assert stored is not None
        assert [hashed[file.sha256] for file in stored.files] == [1] * len(stored.files), name


def test_an_export_fetches_every_file_once(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synthetic = SyntheticStore(f"{s3}/home")
    synthetic.write_model("demo")
    synthetic.write_sae("demo", "mid", codes=False)
    store = Store(home=f"{s3}/home", registry=house(tmp_path / "home").registry, warehouse=str(tmp_path / "none"))
    fetched, plain = Counter(), s3fs.S3FileSystem._call_s3

    async def counted(self: s3fs.S3FileSystem, method: str, *given: Any, **named: Any) -> Any:
        if method == "get_object" and named["Key"].endswith(".parquet"):
            fetched[named["Key"]] += 1
        return await plain(self, method, *given, **named)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", counted)
    (aside := tmp_path / "aside").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(aside))
    export_dictionary(store, "demo", "mid", "neuronpedia", str(tmp_path / "out"))
    assert len(fetched) >= 7
    assert set(fetched.values()) == {1}, fetched
    assert list(aside.iterdir()) == [], "what was fetched is removed"


def test_a_model_without_dictionaries_hides_none(exported: tuple[Store, Path], tmp_path: Path):
    store, _ = exported
    (Path(store.layout.tables().path) / "sae" / "model_id=empty").mkdir()
    with pytest.raises(ValueError, match=r"no dictionary demo/nothing \(there: .*demo/mid"):
        export_dictionary(store, "demo", "nothing", "neuronpedia", str(tmp_path / "out"))
