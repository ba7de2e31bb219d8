"""Every card field decides what exactly one stage makes, or is exempt by name; a change remakes what reads it alone."""

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel, create_model

from models.autointerp.config import ExplanationSettings
from models.bounds import Fraction
from models.dictionaries.config import SAESettings
from pipelines.definitions import defs
from pipelines.registry.cards import CorpusCard, ImagesCard, ModelCard, RecipeCard, VisionModelCard
from pipelines.registry.identities.declared_stages import declared_stages
from pipelines.registry.identities.differences import differences
from pipelines.registry.identities.stage_identity import InputsDisagree, StageIdentity
from pipelines.registry.registry import SAERegistration

STAGES = declared_stages()
READS = {
    # stage: what it reads of the other stages, whatever the recipe
    "context_frame": "",
    "corpus": "",
    "activations": "context_frame corpus",
    "sae": "activations",
    "sae_evaluation": "sae",
    "feature_matches": "sae",
    "feature_statistics": "sae",
    "logit_effects": "sae",
    "neighbors": "feature_statistics",
    "feature_map": "feature_statistics",
    "feature_families": "feature_statistics",
    "monosemanticity": "feature_statistics",
    "explanations": "feature_statistics",
    "specificity_ratings": "explanations",
    "label_scores": "explanations specificity_ratings neighbors logit_effects",
    "dashboard_import": "",
}
SHARED = {
    # fields that several stages read: which do so first
    "model": "context_frame",
    "text": "context_frame corpus",
    "training": "sae",
    "import_settings": "",
    "dictionary_set": "sae",
    "cross_layer": "",
    "llm": "",
}
OTHER = {
    "recipe.sae.allow_mismatch": ("site",),
    "model.source": "elsewhere", "model.revision": "r2", "model.dtype": "bfloat16", "model.shard_dtype": "float32",
    "model.corpus.source": "other", "model.corpus.text_column": "body", "model.corpus.special_strings": "tokens",
    "model.corpus.tokenizer_sha256": "0" * 64, "model.prepend_bos": True,
    "model.max_norm": 7.0, "recipe.sae.sparsity_coefficient": 7.0, "recipe.sae.ste_bandwidth": 7.0,
    "recipe.training.learning_rate": 7.0,
    "recipe.site": "resid_post.1", "recipe.sae.architecture": "batchtopk", "recipe.sae.format": "saelens",
    "recipe.sae.revision": "main", "recipe.sae.import": "hf:a/b", "recipe.sae.output_site": "resid_post.2",
    "recipe.monosemanticity.encoder": "other", "recipe.monosemanticity.encoder_revision": "r2",
    "recipe.layers": (0, 1), "recipe.sae.activation": "jumprelu",
    "recipe.sae.sparsity_penalty": "tanh", "recipe.sae.matryoshka_fractions": (0.5, 0.5),
    "recipe.training.encoder_matmul_dtype": "float32", "recipe.explanations.explainer": "top_tokens",
    "recipe.explanations.prompt_variants": ("logits",), "recipe.explanations.example_selection": "top",
    "recipe.explanations.judge": "local", "recipe.explanations.scorers": ("detection",),
    "recipe.explanations.priority": "density", "recipe.explanations.sentence_encoder": "there",
    "recipe.explanations.sentence_encoder_revision": "r2", "recipe.explanations.llm": "other",
    "recipe.explanations.local_llm": "other", "recipe.explanations.local_llm_revision": "r2",
    "recipe.feature_families.least_cosine": 0.5, "recipe.explanations.api_mode": "batch", "model.recipes": ["one"],
}  # fmt: skip
"""Values that differ from the default; numbers and flags are changed by arithmetic."""


def leaves(card: type[BaseModel], prefix: str) -> Iterable[str]:
    for name, field in card.model_fields.items():
        inner, key = field.annotation, f"{prefix}.{field.alias or name}"
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from leaves(inner, key)
        else:
            yield key


def misplaced(model: type[BaseModel], recipe: type[BaseModel], stages: Iterable[StageIdentity]) -> dict[str, int]:
    """Fields of cards that are not said exactly once, and names that no card has; with how often they are said."""
    of_images = set(leaves(VisionModelCard, "model")) - {"model.corpus"}
    fields = {*leaves(model, "model"), *of_images, *leaves(recipe, "recipe")}
    said = Counter(name for stage in stages for name in (*stage.fields, *stage.exempt))
    of_cards = {name for name in said if name.startswith(("model.", "recipe."))}
    return {name: said[name] for name in fields | of_cards if said[name] != 1 or name not in fields}


def registration(model: ModelCard | None = None, recipe: RecipeCard | None = None) -> SAERegistration:
    corpus = CorpusCard(source="stdlib")
    asked = RecipeCard(site="resid_post.0", sae=SAESettings(expansion=2))
    return SAERegistration("m", "r", model or ModelCard(source="org/m", corpus=corpus), recipe or asked, "r1")


def with_field(some: SAERegistration, path: str, value: object) -> SAERegistration:
    """A registration that differs in one field, whatever the cards' rules say to it."""
    if path in ("model.revision", "recipe.sae.revision"):
        return replace(some, **{"revision" if path == "model.revision" else "imported": value})
    which, *inner, last = path.split(".")
    card = _changed(getattr(some, which), inner, "imported" if last == "import" else last, value)
    return replace(some, **{which: card})


def _changed(card: BaseModel, inner: list[str], name: str, value: object) -> BaseModel:
    if not inner:
        return card.model_copy(update={name: value})
    below = _changed(getattr(card, inner[0]), inner[1:], name, value)
    return card.model_copy(update={inner[0]: below})


def another(some: SAERegistration, path: str) -> object:
    if path in OTHER:
        return OTHER[path]
    now = some.card_values[path]
    return not now if isinstance(now, bool) else 7 if now in (None, "auto", "all") else now + 1


def asked(some: SAERegistration) -> dict[str, dict]:
    """What cards and code decide of each stage of the table above."""
    return {name: STAGES[name].asked(some) for name in READS}


def readers(*names: str) -> set[str]:
    """Stages and all that read them, however far away, by the table above."""
    found = set(names)
    while more := {name for name, read in READS.items() if found & set(read.split())} - found:
        found |= more
    return found


def changed(before: dict[str, dict], after: dict[str, dict]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def test_every_field_of_a_card_belongs_to_one_stage_or_is_exempt_with_a_reason():
    assert misplaced(ModelCard, RecipeCard, STAGES.values()) == {}
    assert all(len(reason.split()) > 3 for stage in STAGES.values() for reason in stage.exempt.values())


def test_a_new_field_that_no_stage_names_is_found_and_one_that_two_name():
    wider = create_model("Wider", __base__=ExplanationSettings, temperature=(Fraction, 1.0))
    recipe = create_model("Recipe", __base__=RecipeCard, explanations=(wider, wider()))
    assert misplaced(ModelCard, recipe, STAGES.values()) == {"recipe.explanations.temperature": 0}
    twice = [*STAGES.values(), StageIdentity("more", "1", fields=("model.dtype", "recipe.sae.gone"))]
    assert misplaced(ModelCard, RecipeCard, twice) == {"model.dtype": 2, "recipe.sae.gone": 1}


@pytest.mark.parametrize("path", [*leaves(ModelCard, "model"), *leaves(RecipeCard, "recipe")])
def test_a_changed_field_remakes_its_stage_and_what_reads_it_and_nothing_else(path):
    plain = registration()
    [owner] = [stage for stage in STAGES.values() if path in (*stage.fields, *stage.exempt)]
    first = [] if path in owner.exempt else SHARED.get(owner.name, owner.name).split()
    found = changed(asked(plain), asked(with_field(plain, path, another(plain, path))))
    assert found == readers(*first), owner.name


@pytest.mark.parametrize("name", READS)
def test_a_raised_code_version_remakes_its_stage_and_what_reads_it_and_nothing_else(name):
    before, stage = asked(registration()), STAGES[name]
    now = stage.code_version
    object.__setattr__(stage, "code_version", "raised")
    try:
        after = asked(registration())
    finally:
        object.__setattr__(stage, "code_version", now)
    assert changed(before, after) == readers(name)
    assert asked(registration()) == before


def test_an_llm_counts_where_it_is_asked_alone():
    def remade(**explanations) -> set[str]:
        recipe = RecipeCard(
            site="resid_post.0", sae=SAESettings(expansion=2), explanations=ExplanationSettings(**explanations)
        )
        some = registration(recipe=recipe)
        return changed(asked(some), asked(with_field(some, "recipe.explanations.local_llm", "another")))

    assert remade() == set()
    assert remade(local_llm="a", judge="local") == {"specificity_ratings", "label_scores"}
    assert remade(local_llm="a", explainer="local") == {"explanations", "specificity_ratings", "label_scores"}
    assert remade(local_llm="a", scorers=("surprisal",)) == {"label_scores"}


def test_nothing_learns_from_the_settings_of_training_where_a_dictionary_is_imported():
    recipe = RecipeCard.model_validate({"site": "resid_post.0", "sae": {"import": "hf:a/b"}})
    some = registration(recipe=recipe)
    assert changed(asked(some), asked(with_field(some, "recipe.training.seed", 1))) == set()


def test_where_an_import_may_differ_counts_where_a_dictionary_is_imported_alone():
    recipe = RecipeCard.model_validate({"site": "resid_post.0", "sae": {"import": "hf:a/b"}})
    some = registration(recipe=recipe)
    assert changed(asked(some), asked(with_field(some, "recipe.sae.allow_mismatch", ("site",)))) == readers("sae")
    assert "recipe.sae.allow_mismatch" not in STAGES["sae"].asked(registration())["settings"]


def test_how_a_cross_layer_transcoder_is_sparse_counts_of_one_alone():
    sae = {"architecture": "cross_layer_transcoder", "n_features": 64, "output_site": "mlp_out.*"}
    recipe = RecipeCard.model_validate({"site": "mlp_in.*", "layers": "0-1", "sae": sae})
    some = registration(recipe=recipe)
    assert changed(asked(some), asked(with_field(some, "recipe.sae.activation", "jumprelu"))) == readers("sae")
    assert "recipe.layers" not in STAGES["sae"].asked(registration())["settings"], "others are as they were"


def test_what_a_prompt_shows_is_read_where_it_is_shown():
    def reads(**explanations) -> set[str]:
        settings = ExplanationSettings(explainer="local", local_llm="a", **explanations)
        recipe = RecipeCard(site="resid_post.0", sae=SAESettings(expansion=2), explanations=settings)
        return {stage.name for stage in STAGES["explanations"].inputs_of(registration(recipe=recipe))}

    assert reads() == {"feature_statistics", "llm"}
    assert reads(prompt_variants=("logits", "contrastive")) == {
        "feature_statistics", "llm", "logit_effects", "neighbors"
    }  # fmt: skip


def test_assets_have_the_code_version_of_their_stage_and_come_after_what_it_reads():
    graph = defs.resolve_asset_graph()
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    for name in READS.keys() - {"dashboard_import"}:
        assert specs[name].code_version == STAGES[name].code_version, name
        before = {key.to_user_string() for key in graph.get_ancestor_asset_keys(specs[name].key)}
        assert set(READS[name].split()) <= before, name


def test_a_stage_is_found_by_its_file_alone(tmp_path, monkeypatch):
    (tmp_path / "made_up_stages").mkdir()
    (tmp_path / "made_up_stages" / "__init__.py").touch()
    head = "from pipelines.registry.identities.stage_identity import StageIdentity\n"
    sae = "from pipelines.registry.identities.stages.sae import SAE\n"
    body = "PROBES = StageIdentity('probes', '1', fields=('recipe.probes.tokens',), inputs=(SAE,))\n"
    (tmp_path / "made_up_stages" / "probes.py").write_text(head + sae + body)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    found = declared_stages(("made_up_stages",))
    assert found["probes"].inputs == (STAGES["sae"],)
    assert not found["probes"].is_asked_by(registration()), "no card has its field"

    (tmp_path / "made_up_stages" / "twice.py").write_text(head + "AGAIN = StageIdentity('probes', '2')\n")
    declared_stages.cache_clear()
    with pytest.raises(ValueError, match=r"twice declares a second stage 'probes'"):
        declared_stages(("made_up_stages",))


def test_an_identity_holds_what_was_read_as_it_was_made():
    plain = registration()
    frame = STAGES["context_frame"].identity(plain, found={"source_sha256": "s"})
    corpus = STAGES["corpus"].identity(plain, found={"frame_sha256": "f"})
    made = STAGES["activations"].identity(plain, [frame, corpus], {"weights_sha256": "w"}, part="resid_post.0")
    assert made["code"] == {"context_frame": "1", "corpus": "1", "activations": "1"}
    assert set(made["found"]) == {"context_frame", "corpus", "activations at resid_post.0"}
    assert STAGES["activations"].changes(plain, made) == []
    other = with_field(plain, "model.skip_first", 2)
    assert STAGES["activations"].changes(other, made) == ["model.skip_first was auto, is 2"]
    with pytest.raises(ValueError, match="without that of corpus: pass it"):
        STAGES["activations"].identity(plain, [frame])
    longer = STAGES["corpus"].identity(with_field(plain, "model.corpus.context_length", 9))
    with pytest.raises(InputsDisagree, match=r"model.corpus.context_length was 128, is 9"):
        STAGES["activations"].identity(plain, [frame, longer])


def test_a_difference_is_told_by_what_it_was_and_what_it_is():
    before = {"code": {"sae": "1"}, "settings": {"recipe.sae.k": 32}, "found": {"corpus": {"source_sha256": "a" * 64}}}
    now = {"code": {"sae": "2"}, "settings": {"recipe.sae.k": 16}, "found": {"corpus": {"source_sha256": "b" * 64}}}
    assert differences(before, before) == []
    assert differences(before, now) == [
        "code version of sae was 1, is 2",
        "recipe.sae.k was 32, is 16",
        "source_sha256 of corpus was aaaaaaaaaaaa…, is bbbbbbbbbbbb…",
    ]
    assert differences({"sae": "0f", "code": "3"}, now) == [
        "it was made by a version of Glasshouse that recorded other things"
    ]


def test_images_remake_the_corpus_and_their_positions_the_harvest_alone():
    def asked_of(**changes: Any) -> dict[str, dict]:
        images = ImagesCard.model_validate({"source": "pictures"} | changes)
        return asked(registration(VisionModelCard(source="org/vit", images=images)))

    plain = asked_of()
    harvested = readers("activations")
    assert changed(plain, asked_of(kinds=("cls",))) == harvested
    for field, value in {"source": "others", "column": "c", "label": "folder", "caption": "c", "max_images": 9}.items():
        assert changed(plain, asked_of(**{field: value})) == readers("context_frame", "corpus"), field
