"""SAEDashboard's files are read as the activations that they were written from say."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from saedashboard_run import BARS, INTERVALS, LENGTH, PROMPTS, F, acts, written

from models.interchange.dashboards.dump import BadDump
from models.interchange.dashboards.importer import DumpSource
from models.interchange.dashboards.importers.saedashboard import read
from models.language_model.token_strings import TokenStrings
from storage.folder import Folder


def source(folder: Folder) -> DumpSource:
    def texts() -> TokenStrings:
        raise AssertionError("SAEDashboard writes tokens as text")

    return DumpSource(folder, "gpt2-small", "res", texts)


def rows(folder: Folder) -> tuple[dict[str, list[dict]], list[str]]:
    dump = read(source(folder))
    tables: dict[str, list[pa.Table]] = {}
    for part in dump.parts:
        for name, table in part.items():
            tables.setdefault(name, []).append(table)
    return {name: pa.concat_tables(some).to_pylist() for name, some in tables.items()}, dump.notes


def test_what_the_run_says_of_itself(tmp_path: Path):
    about = read(source(written(tmp_path))).about
    assert (about.model, about.site, about.layer, about.n_features) == ("gpt2-small", "resid_pre.6", 6, F)
    assert (about.n_tokens, about.n_contexts, about.context_length) == (PROMPTS * LENGTH, PROMPTS, LENGTH)
    assert (about.dataset, about.config["n_quantiles"], about.d_model) == ("a/dataset", INTERVALS, None)


def test_firings_are_counted_as_the_bars_count_them(tmp_path: Path):
    found, notes = rows(written(tmp_path))
    assert [row["feature_id"] for row in found["feature"]] == [0, 1, 2, 3, 5]
    for row in found["feature"]:
        fired = acts()[..., row["feature_id"]]
        n = int((fired > 0).sum())
        assert (row["n_firings"], row["density"], row["is_dead"]) == (n, n / fired.size, False)
        assert row["max_activation"] == fired.max()
        assert row["mean_activation"] is row["decoder_norm"] is None
        bins = [bin_ for bin_ in found["activation_histogram"] if bin_["feature_id"] == row["feature_id"]]
        assert [bin_["bin"] for bin_ in bins] == list(range(BARS))
        assert sum(bin_["n"] for bin_ in bins) == n
        assert bins[-1]["upper"] == pytest.approx(fired.max(), abs=2e-3)
    assert notes == ["1 of 6 features have no dashboard, 1 of them because the run skipped them: they have no row"]


def test_windows_have_the_group_that_they_were_drawn_from(tmp_path: Path):
    found, _ = rows(written(tmp_path))
    for number in (0, 1, 2, 5):
        fired = acts()[..., number]
        mine = [row for row in found["example"] if row["feature_id"] == number]
        top = [row["activation"] for row in mine if row["kind"] == "top"]
        assert top == sorted(fired.flatten(), reverse=True)[:3]
        sampled = [row for row in mine if row["kind"] == "interval"]
        assert {row["interval_index"] for row in sampled} <= set(range(INTERVALS))
        for row in sampled:
            low = fired.max() * row["interval_index"] / INTERVALS
            assert low - 1e-3 <= row["activation"] <= low + fired.max() / INTERVALS + 1e-3
            assert (row["activations"][row["peak"]], len(row["tokens"])) == (np.float32(row["activation"]), LENGTH)
        assert len({row["context_id"] for row in mine}) == len(mine)
        ranks = [(row["kind"], row["interval_index"], row["rank"]) for row in mine]
        assert len(set(ranks)) == len(ranks)


def test_promoted_and_suppressed_tokens(tmp_path: Path):
    found, _ = rows(written(tmp_path))
    first = [
        (r["direction"], r["rank"], r["token"], r["logit_weight"])
        for r in found["logit_effect"]
        if r["feature_id"] == 0
    ]
    assert first == [
        ("positive", 0, " yes", 0.75),
        ("positive", 1, "always", 0.5),
        ("negative", 0, " no", -0.5),
        ("negative", 1, "never", -0.25),
    ]


def test_bars_of_another_sample_are_left_out_and_said(tmp_path: Path):
    folder = written(tmp_path, lambda features: features[0].update(frac_nonzero=0.5))
    dump = read(source(folder))
    [first, _] = [part["feature"].to_pylist() for part in dump.parts]
    assert first[0]["n_firings"] == PROMPTS * LENGTH // 2
    assert dump.left_out == {"activation_histogram"}
    assert "1 of 5 features have bars that do not count their firings" in dump.notes[0]


def every_window(change: Callable[[dict], Any]) -> Callable[[list[dict]], None]:
    def changed(features: list[dict]) -> None:
        for one in features:
            for window in one["activations"]:
                change(window)

    return changed


@pytest.mark.parametrize("unknown", [-1, -1.0, None])
def test_a_window_whose_token_is_not_known_is_read_at_its_strongest(tmp_path: Path, unknown: float | None):
    found, notes = rows(written(tmp_path, every_window(lambda window: window.update(qualifying_token_index=unknown))))
    assert len(notes) == 1, "the features without a dashboard, and nothing else"
    assert all(row["activations"][row["peak"]] == max(row["activations"]) for row in found["example"])
    assert len(found["example"]) == len(rows(written(tmp_path / "known"))[0]["example"])


def test_a_dead_features_window_has_no_token(tmp_path: Path):
    """As SAEDashboard writes it: nothing fires, and the index of no token less one."""

    def dead(features: list[dict]) -> None:
        for window in features[0]["activations"]:
            window |= {"values": [0.0] * LENGTH, "qualifying_token_index": -1, "bin_min": 0, "bin_max": 0}

    found, _ = rows(written(tmp_path, dead))
    mine = [row for row in found["example"] if row["feature_id"] == 0]
    assert {(row["kind"], row["activation"], row["peak"]) for row in mine} == {("control", 0.0, 0)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: w["values"].pop(), r"tokens has 16 entries, values has 15"),
        (
            lambda w: w.update(qualifying_token_index=16),
            r"qualifying_token_index is 16, wanted one of 0 to 15, or -1 or",
        ),
        (lambda w: w.update(qualifying_token_index=-2), r"qualifying_token_index is -2, wanted a whole number"),
        (lambda w: w.update(qualifying_token_index="3"), r"qualifying_token_index is '3', wanted a whole number"),
        (lambda w: w.update(bin_min="low"), r"bin_min is 'low', wanted a finite number"),
        (lambda w: w["tokens"].__setitem__(4, 7), r"tokens\[4\] is 7, wanted text"),
        (lambda w: w.update(values=[-1.0] * LENGTH), r"the value at token \d+ is -1.0, wanted 0 or more"),
        (lambda w: w.update(values=[], tokens=[]), r"tokens are empty"),
    ],
)
def test_an_odd_window_is_left_out_counted_and_named(tmp_path: Path, change: Callable[[dict], Any], said: str):
    whole, _ = rows(written(tmp_path / "whole"))
    found, notes = rows(written(tmp_path, lambda features: change(features[0]["activations"][2])))
    n = len(whole["example"])
    assert len(found["example"]) == n - 1
    assert re.match(rf"1 of {n} windows were left out, the first because .*activations\[2\]: {said}", notes[0])
    assert {name: len(some) for name, some in found.items() if name != "example"} == {
        name: len(some) for name, some in whole.items() if name != "example"
    }


def test_a_source_of_odd_windows_only_is_refused(tmp_path: Path):
    odd = every_window(lambda window: window.update(qualifying_token_index=99))
    with pytest.raises(BadDump, match=r"none of the \d+ windows can be read, the first because .*index is 99"):
        rows(written(tmp_path, odd))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f[1].pop("pos_str"), r"batch-0.json, features\[1\]: pos_str missing"),
        (lambda f: f[1].update(more=1), r"features\[1\]: other keys than features\[0\] \(more\)"),
        (lambda f: f[1].update(feature_index=6), r"feature_index is 6, wanted one of 0 to 5"),
        (lambda f: f[3].update(feature_index=0), r"batch-1.json.*feature_index 0 stands a second time .*batch-0.json"),
        (lambda f: f[0].update(frac_nonzero=float("nan")), r"batch-0.json: found NaN"),
        (lambda f: f[0]["activations"][0].pop("bin_min"), r"activations\[0\]: bin_min missing"),
        (lambda f: f[0].update(n_prompts_total=None), r"n_prompts_total is None, .* wanted both here or in run_set"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, change: Callable[[list[dict]], Any], message: str):
    with pytest.raises(BadDump, match=message):
        rows(written(tmp_path, change))


def test_a_folder_of_something_else_is_refused(tmp_path: Path):
    (tmp_path / "tokens_40.pt").write_text("")
    with pytest.raises(BadDump, match=r"holds tokens_40.pt, wanted batch-0.json: name the folder of one run"):
        read(source(Folder(str(tmp_path))))
