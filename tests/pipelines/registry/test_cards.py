"""A card that is wrong is refused with file, line and key; the others are read."""

import os
import subprocess
from pathlib import Path

import pytest

from pipelines.registry import cards
from pipelines.registry.cards import InvalidCard, ModelCard, RecipeCard, checked_id, read_card
from pipelines.registry.registry import Registry
from storage.folder import AbsentFolder, Folder

MODEL = "source: models/demo\ncorpus: {source: stdlib, tokens: 1_000, context_length: 32}\n"
RECIPE = "site: resid_post.@0.5\nsae: {architecture: topk, expansion: 16, k: 32}\n"


def test_the_shipped_registry_is_read(tmp_path: Path):
    """As it is in git: a checkout in use has other cards, good and bad."""
    for name in ("models/pystdlib.yaml", "recipes/mid-topk.yaml"):
        shipped = subprocess.run(["git", "show", f":registry/{name}"], capture_output=True, check=True).stdout
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(shipped)
    registry = Registry.read(Folder(str(tmp_path)))
    assert registry.errors == {}
    assert "pystdlib/mid-topk" in registry.sae_ids()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source: [", r"m.yaml, line 2: not YAML"),
        ("- a\n- b\n", r"m.yaml, line 1: found a sequence '- a"),
        (
            MODEL + "colour: red\n",
            r"m.yaml, line 3: colour = 'red': unknown key; m.yaml may have source, revision, dtype",
        ),
        (
            MODEL.replace("tokens", "token"),
            r"m.yaml, line 2: corpus.token = 1000: unknown key; m.yaml may have source, tokens, context",
        ),
        ("source: a\n", r"m.yaml, line 1: corpus: Field required"),
        (
            MODEL + "dtype: int8\n",
            r"m.yaml, line 3: dtype = 'int8': Input should be 'float32', 'bfloat16' or 'float16'",
        ),
        (MODEL + "source: again\n", r"m.yaml, line 3: key 'source' stands a second time \(first on line 1\)"),
        (MODEL + "recipes: [../../etc]\n", r"m.yaml, line 3: recipes.*id '../../etc' is refused"),
    ],
)
def test_a_wrong_model_card_names_file_line_and_key(text, message):
    with pytest.raises(InvalidCard, match=message):
        read_card(ModelCard, "m.yaml", text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RECIPE.replace("resid_post", "residual"), r"r.yaml, line 1: site = 'residual.@0.5'"),
        (RECIPE.replace("topk,", "moe,"), r"r.yaml, line 2: sae.architecture = 'moe': Input should be 'topk'"),
        (RECIPE.replace("k: 32", "k: 0"), r"r.yaml, line 2: sae.k = 0: wanted a whole number from 1 to 65,536"),
        (RECIPE.replace("expansion: 16, ", ""), r"r.yaml, line 2: sae.*say exactly one"),
        (RECIPE.replace("expansion: 16", "n_features: 16"), r"r.yaml, line 2: sae.*k=32 must lie in 1..n_features=16"),
        (RECIPE + "explanations: {explainer: anthropic}\n", r"r.yaml, line 3: explanations.*name the LLM and a budget"),
        (
            RECIPE + "training: {lr: 1}\n",
            r"r.yaml, line 3: training.lr = 1: unknown key; r.yaml may have tokens, batch_tokens, learning_rate",
        ),
        (
            RECIPE + "statistics: {top_example: 3}\n",
            r"r.yaml, line 3: statistics.top_example = 3: unknown key; .*: the nearest is top_examples",
        ),
        (
            RECIPE + "statistic:\n  top_examples: 3\n",
            r"r.yaml, line 3: statistic: unknown key; r.yaml may have site, sae, .*: the nearest is statistics",
        ),
    ],
)
def test_a_wrong_recipe_names_file_line_and_key(text, message):
    with pytest.raises(InvalidCard, match=message):
        read_card(RecipeCard, "r.yaml", text)


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    for kind in ("models", "recipes"):
        (tmp_path / kind).mkdir()
    (tmp_path / "models" / "good.yaml").write_text(MODEL)
    (tmp_path / "recipes" / "one.yaml").write_text(RECIPE)
    return tmp_path


def test_one_wrong_card_does_not_hide_the_others(registry):
    (registry / "models" / "bad.yaml").write_text("source: [")
    (registry / "models" / "Upper.yaml").write_text(MODEL)
    (registry / "models" / "good.yml").write_text(MODEL)
    (registry / "models" / "notes.txt").write_text("not a card")
    read = Registry.read(Folder(str(registry)))

    assert read.sae_ids() == ["good/one"]
    assert set(read.errors) == {"models/bad.yaml", "models/Upper.yaml", "models/good.yml"}
    assert "a second card for 'good'" in read.errors["models/good.yml"]
    assert "rename the file" in read.errors["models/Upper.yaml"]


def test_a_model_that_asks_for_an_unknown_recipe_is_said(registry):
    (registry / "models" / "good.yaml").write_text(MODEL + "recipes: [one, two]\n")
    read = Registry.read(Folder(str(registry)))
    assert "recipes two are not in" in read.errors["models/good.yaml"]
    assert read.sae_ids() == ["good/one"]


def test_identity_follows_what_the_numbers_depend_on(registry):
    def identities(model=MODEL, recipe=RECIPE, revision="r1"):
        (registry / "models" / "good.yaml").write_text(model)
        (registry / "recipes" / "one.yaml").write_text(recipe)
        found = Registry.read(Folder(str(registry))).registration(
            "good/one", lambda source, asked: revision, lambda source, asked: f"{revision} of {source}"
        )
        return found.dictionary_identity, found.chain_identity, found.labels_identity

    first = identities()
    assert identities(model=MODEL + "# a remark\n") == first
    assert identities(recipe=RECIPE + "quality_bounds: {max_fvu: 0.1}\n") == first
    for changed in (
        {"revision": "r2"},
        {"model": MODEL.replace("32}", "64}")},
        {"recipe": RECIPE + "training: {seed: 1}\n"},
    ):
        found = identities(**changed)
        assert (found[0] == first[0], found[1] == first[1]) == (False, False), changed
    imported = RECIPE.replace("{architecture: topk, expansion: 16, k: 32}", "{import: elsewhere}")
    assert imported != RECIPE
    assert identities(recipe=imported)[0] != first[0]
    assert identities(recipe=imported) == identities(recipe=imported + "training: {seed: 1}\n"), "nothing is trained"
    statistics = identities(recipe=RECIPE + "statistics: {top_examples: 5}\n")
    assert statistics[0] == first[0]
    assert statistics[1] != first[1]
    labels = identities(recipe=RECIPE + "explanations: {features: 10}\n")
    assert labels[:2] == first[:2]
    assert labels[2] != first[2]


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "UP", "a b", "x" * 65, "ä", "-a"])
def test_ids_that_could_be_more_than_a_name_are_refused(name):
    with pytest.raises(ValueError, match="is refused: use 1 to 64"):
        checked_id(name)


def test_the_registry_is_read_from_s3(s3):
    folder = Folder(s3) / "registry"
    (folder / "models").write_bytes("good.yaml", MODEL.encode())
    (folder / "recipes").write_bytes("one.yaml", RECIPE.encode())
    assert Registry.read(folder).sae_ids() == ["good/one"]


def test_linked_cards_are_cards_and_one_that_leads_nowhere_is_said(registry, tmp_path_factory):
    """A ConfigMap is a folder of links through a link; a dotfile manager's cards are links to files elsewhere."""
    mounted = tmp_path_factory.mktemp("mounted")
    for kind, name in (("models", "good.yaml"), ("recipes", "one.yaml")):
        (mounted / kind / "..2026").mkdir(parents=True)
        (registry / kind / name).rename(mounted / kind / "..2026" / name)
        (mounted / kind / "..data").symlink_to("..2026")
        (mounted / kind / name).symlink_to(f"..data/{name}")
    (mounted / "models" / "gone.yaml").symlink_to("/not/mounted.yaml")
    (mounted / "models" / "round.yaml").symlink_to("round.yaml")
    read = Registry.read(Folder(str(mounted)))
    assert read.sae_ids() == ["good/one"]
    assert "gone.yaml is a link to /not/mounted.yaml, which is not there" in read.errors["models/gone.yaml"]
    assert "round.yaml is a link to round.yaml, which leads back to itself" in read.errors["models/round.yaml"]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda place: None, r"the registry .* is not there \(no such folder\)"),
        (lambda place: place.mkdir(), r"is no registry, it holds nothing"),
        (lambda place: (place / "corpora").mkdir(parents=True), r"is no registry, it holds corpora/"),
        (lambda place: place.write_text("x"), r"is not there \(it is a file\)"),
    ],
)
def test_a_registry_that_is_not_there_is_no_empty_one(tmp_path, make, why):
    make(tmp_path / "registry")
    with pytest.raises(AbsentFolder, match=f"{why}.*: set GLASSHOUSE_REGISTRY to the folder that holds models/"):
        Registry.read(Folder(str(tmp_path / "registry")))


def test_a_registry_on_s3_that_is_not_there_is_no_empty_one(s3):
    for url, why in ((f"{s3}/registry", "nothing lies under"), ("s3://no-such-bucket", "there is no bucket")):
        with pytest.raises(AbsentFolder, match=why):
            Registry.read(Folder(url))


def test_a_registry_of_empty_folders_asks_for_nothing(tmp_path):
    (tmp_path / "models").mkdir()
    assert Registry.read(Folder(str(tmp_path))).sae_ids() == []


def test_when_cards_were_written_is_known_and_no_part_of_their_identity(registry):
    def read():
        return Registry.read(Folder(str(registry))).registration("good/one", lambda *_: "r", lambda *_: "r")

    before = read()
    os.utime(registry / "recipes" / "one.yaml", (1, 1))
    after = read()
    assert after.cards_written != before.cards_written
    assert (after.chain_identity, after.labels_identity) == (before.chain_identity, before.labels_identity)


def test_a_card_is_parsed_once_and_again_when_its_text_changes(registry, monkeypatch):
    (registry / "models" / "once.yaml").write_text(MODEL)
    parsed: list[str] = []
    read = cards.read_yaml
    monkeypatch.setattr(cards, "read_yaml", lambda file, text: parsed.append(file) or read(file, text))
    first, second = (Registry.read(Folder(str(registry))) for _ in range(2))
    assert len(parsed) == len(set(parsed)) == 3
    assert second.models["once"] is first.models["once"]
    (registry / "models" / "once.yaml").write_text(MODEL.replace("1_000", "2_000"))
    assert Registry.read(Folder(str(registry))).models["once"] != first.models["once"]
