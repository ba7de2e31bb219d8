"""delphi's files are counted as brute force counts the activations that they were written from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from delphi_run import HOOKPOINT, LENGTH, ROWS, VOCABULARY, F, acts, tokens, written
from safetensors.numpy import load_file, save_file

from models.interchange.dashboards.dump import BadDump
from models.interchange.dashboards.importer import DumpSource
from models.interchange.dashboards.importers.delphi import read
from models.language_model.token_strings import TokenStrings
from storage.folder import Folder

BINS = 50
PIECES = TokenStrings([f" w{token}" for token in range(VOCABULARY)], [f"w{token}" for token in range(VOCABULARY)])
Change = Callable[[Path], Any]


def source(run: Path) -> DumpSource:
    return DumpSource(Folder(str(run)), "gpt2", "topk", lambda: PIECES)


def rows(run: Path) -> tuple[dict[str, list[dict]], list[str]]:
    dump = read(source(run))
    tables: dict[str, list[pa.Table]] = {}
    for part in dump.parts:
        for name, table in part.items():
            tables.setdefault(name, []).append(table)
    return {name: pa.concat_tables(some).to_pylist() for name, some in tables.items()}, dump.notes


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict]]:
    return rows(written(tmp_path_factory.mktemp("delphi")))[0]


def test_what_the_run_says_of_itself(tmp_path: Path):
    run = written(tmp_path)
    for place in (run, run / "latents" / HOOKPOINT):
        about = read(source(place)).about
        assert (about.model, about.site, about.layer, about.n_features) == ("gpt2", "resid_post.2", 2, F)
        assert (about.n_tokens, about.n_contexts, about.context_length) == (ROWS * LENGTH, ROWS, LENGTH)


def test_every_latent_is_counted_as_brute_force_counts_it(found: dict[str, list[dict]]):
    assert [row["feature_id"] for row in found["feature"]] == list(range(F))
    for row in found["feature"]:
        every = acts()[..., row["feature_id"]].astype(np.float64)
        fired = every[every > 0]
        assert (row["n_firings"], row["n_tokens"], row["is_dead"]) == (len(fired), every.size, not len(fired))
        assert row["density"] == len(fired) / every.size
        if len(fired):
            moments = row["mean_activation"], row["std_activation"], row["max_activation"]
            assert moments == pytest.approx((fired.mean(), fired.std(), fired.max()))
        else:
            assert row["mean_activation"] is row["max_activation"] is None
        bins = [bin_ for bin_ in found["activation_histogram"] if bin_["feature_id"] == row["feature_id"]]
        for bin_ in bins:
            assert bin_["n"] == ((fired > bin_["lower"]) & (fired <= bin_["upper"])).sum()
        assert len(bins) == (BINS if len(fired) else 0)


def test_examples_are_windows_of_the_rows_that_they_name(found: dict[str, list[dict]]):
    every, ids = acts(), tokens()
    assert {row["kind"] for row in found["example"]} == {"top", "interval", "control"}
    for row in found["example"]:
        context, position, peak = row["context_id"], row["position"], row["peak"]
        first = position - peak
        window = slice(first, first + len(row["tokens"]))
        assert row["tokens"] == [PIECES.texts[token] for token in ids[context, window]]
        values = every[context, window, row["feature_id"]]
        assert row["activations"] == values.tolist()
        assert row["activation"] == values[peak]
        strongest = every[..., row["feature_id"]].max()
        if row["kind"] == "interval":
            assert row["interval_index"] == int(np.ceil(row["activation"] / float(strongest) * 10)) - 1
        assert row["kind"] != "control" or not values.any()
    for latent in range(F):
        best = np.sort(every[..., latent].max(axis=1))[::-1][:20]
        top = [row for row in found["example"] if row["kind"] == "top" and row["feature_id"] == latent]
        assert [row["activation"] for row in sorted(top, key=lambda row: row["rank"])] == best[best > 0].tolist()


def test_a_label_that_was_not_parsed_is_a_failure(found: dict[str, list[dict]]):
    labels = {row["feature_id"]: (row["label"], row["status"], row["error"]) for row in found["explanation"]}
    assert labels == {
        0: ("Words about water", "ok", None),
        1: (None, "parse_error", "Explanation could not be parsed."),
        4: ("Names", "ok", None),
    }
    assert {row["explainer"] for row in found["explanation"]} == {"delphi"}


def test_scores_leave_failed_answers_out_and_count_them(found: dict[str, list[dict]]):
    scores = {
        (row["scorer"], row["metric"]): (row["value"], row["n_trials"], row["n_failed"])
        for row in found["explanation_score"]
    }
    balanced, f1 = pytest.approx((2 / 3 + 1 / 2) / 2), pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    pairs = [(p > q) + (p == q) / 2 for p in (0.9, 0.8, 0.3) for q in (0.1, 0.8)]
    assert scores == {
        ("detection", "balanced_accuracy"): (balanced, 5, 1),
        ("detection", "f1"): (f1, 5, 1),
        ("detection", "auroc"): (pytest.approx(sum(pairs) / len(pairs)), 5, 1),
        ("fuzzing", "balanced_accuracy"): (balanced, 5, 1),
        ("fuzzing", "f1"): (f1, 5, 1),
    }


def test_a_scorer_of_another_kind_is_left_and_said(tmp_path: Path):
    _, notes = rows(written(tmp_path))
    assert notes == ["1 files of scores/simulation hold no answers of the kind yes or no: they were left out"]


def test_slashes_in_a_hookpoint_are_dashes_in_file_names(tmp_path: Path):
    some, _ = rows(written(tmp_path, "model/layers.2.mlp"))
    assert [row["feature_id"] for row in some["explanation"]] == [0, 1, 4]


def split(change: Callable[[dict[str, np.ndarray]], Any]) -> Change:
    """The first split, tampered with."""

    def tamper(run: Path) -> None:
        path = run / "latents" / HOOKPOINT / "0_2.safetensors"
        found = load_file(path)
        change(found)
        save_file(found, path)

    return tamper


def file(name: str, text: str) -> Change:
    return lambda run: (run / name).write_text(text)


def truncate(run: Path) -> None:
    path = run / "latents" / HOOKPOINT / "3_5.safetensors"
    path.write_bytes(path.read_bytes()[:-10])


BAD: list[tuple[Change, str]] = [
    (split(lambda s: s.pop("tokens")), r"0_2.safetensors lacks tokens; found activations, locations"),
    (split(lambda s: s["locations"].__setitem__((0, 2), 3)), r"0_2.safetensors has latent 3, wanted one of 0 to 2"),
    (split(lambda s: s["locations"].__setitem__((0, 0), ROWS)), r"has row 60, wanted one of 0 to 59"),
    (split(lambda s: s["locations"].__setitem__((0, 1), 99)), r"has position 99, wanted one of 0 to 23"),
    (split(lambda s: s["activations"].__setitem__(0, np.nan)), r"has activation nan \(latent \d, row \d+, position"),
    (split(lambda s: s["activations"].__setitem__(0, -1)), r"has activation -1.0 .* wanted finite ones above 0"),
    (split(lambda s: s["locations"].__setitem__(0, s["locations"][1])), r"has latent \d twice at row"),
    (split(lambda s: s.update(activations=s["activations"][1:])), r"has shapes .* wanted locations \[n, 3\]"),
    (split(lambda s: s["tokens"].__setitem__((0, 0), VOCABULARY)), r"has token 50, the tokenizer knows 0 to 49"),
    (split(lambda s: s.update(tokens=s["tokens"][1:])), r"another split has|has row 59"),
    (truncate, r"3_5.safetensors is no whole safetensors file"),
    (
        lambda run: (run / "latents" / HOOKPOINT / "3_5.safetensors").unlink(),
        r"6_9.safetensors was wanted to begin at 3",
    ),
    (file(f"explanations/{HOOKPOINT}_latent10.txt", '"x"'), r"explains latent 10, the splits hold 0 to 9"),
    (file(f"explanations/{HOOKPOINT}_latent0.txt", "[1]"), r"latent0.txt holds list, wanted a text in quotes"),
    (file(f"explanations/{HOOKPOINT}_latent0.txt", '"x'), r"latent0.txt: not JSON"),
    (file(f"scores/fuzz/{HOOKPOINT}_latent3.txt", "[]"), r"scores latent 3, which has no explanation"),
    (
        file(f"scores/fuzz/{HOOKPOINT}_latent0.txt", '[{"activating": true, "prediction": 2}]'),
        r"latent0.txt, \[0\]: activating is True, prediction 2, wanted true or false",
    ),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_damaged_runs_are_refused(tmp_path: Path, change: Change, message: str):
    run = written(tmp_path)
    change(run)
    with pytest.raises(BadDump, match=message):
        rows(run)


def test_a_run_of_several_hookpoints_wants_one_named(tmp_path: Path):
    run = written(tmp_path)
    other = run / "latents" / "layers.3"
    other.mkdir()
    (other / "0_9.safetensors").write_bytes(b"")
    with pytest.raises(BadDump, match=r"run holds layers.2, layers.3: name the folder of one run"):
        rows(run)
    with pytest.raises(BadDump, match=r"holds no splits such as"):
        rows(run / "scores")
