"""The whole chain on vision models: the stages, tables and pages of text, and sentences where these make none."""

import textwrap
from contextlib import closing
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from starlette.testclient import TestClient

from pipelines.registry.cards import ModelCard, read_card
from pipelines.runs.in_process import run_partition
from tests.support.tiny_vision_models import VISION_KINDS, save_tiny_vision
from tests.support.vision_house import NEURONS, RECIPE, vision_house
from web.app import app
from web.static_export import export

HOSTILE = "<img src=x onerror=alert(1)>.png"


def _run(store):
    with dg.DagsterInstance.ephemeral() as instance:
        return run_partition(store, "seen/small", instance)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("house")
    store = vision_house(root, "vit")
    picture = next((root / "pictures" / "discs").glob("*.png"))
    picture.rename(picture.with_name(HOSTILE))
    result = _run(store)
    assert result.success, result.error
    return store


def _rows(store, sql):
    with closing(duckdb.connect(str(store.published), read_only=True)) as con:
        return con.execute(sql).fetchall()


def test_every_table_of_a_vision_dictionary_is_published_and_agrees(made):
    assert _rows(made, "select what from _violation") == []
    assert _rows(made, "from left_out_partition") == []
    assert _rows(made, "select count(*), count(distinct label) from image") == [(48, 2)]
    unplaced = "select count(*) from example anti join patch_example using (model_id, recipe_id, example_id)"
    assert _rows(made, unplaced) == [(0,)]
    wrong = """
        select count(*) from patch_example as p join example as e using (model_id, recipe_id, example_id)
        where p.image_id <> e.context_id or p.activation <> e.activation or 1 + p."row" * 4 + p.col <> e.position
            or (p.kind <> 'control') <> list_contains(p.cells, p."row" * 4 + p.col)
            or (
                p.kind <> 'control'
                and abs(p.activation - p.cell_activations[list_position(p.cells, p."row" * 4 + p.col)]) > 1e-5
            )
            or p.x0 <> 8 * p.col or p.y1 <> 8 * p."row" + 8
    """
    assert _rows(made, wrong) == [(0,)]
    silent = "select count(*) from patch_example where kind = 'control' and len(cells) > 0"
    assert _rows(made, silent) == [(0,)]


def test_metrics_are_of_held_out_images_and_of_the_classes(made):
    found = dict(_rows(made, "select metric, value from sae_metric where split = 'held_out'"))
    assert 0 < found["fvu"] < 0.9
    assert found["l0"] == 4
    assert found["class_kl"] < found["class_kl_mean_ablated"]
    assert "ce_clean" not in found


def test_labels_are_those_that_features_tell_best_with_their_score(made):
    rows = _rows(
        made,
        "select e.label, s.value, c.auroc from explanation as e join explanation_score as s using (explanation_id)"
        " join feature_class as c on c.feature_id = e.feature_id",
    )
    assert {label for label, _, _ in rows} <= {"images of discs", "images of stripes"}
    assert all(score == auroc for _, score, auroc in rows)
    assert 24 < len(rows) <= 48


def test_every_feature_has_its_monosemanticity_by_the_definition(made):
    """Pair by pair in SQL, with the vectors that the model's own classifier reads."""
    import torch

    from models.vision_model.vision_model import load_vision_model

    registration = made.registration("seen/small")
    images, host, seen = made.datasets.images(registration), load_vision_model(registration.model.source), []
    pixels = host.preprocessing.normalised(images.views(range(images.n_images)))
    with host.model.classifier.register_forward_pre_hook(lambda module, given: seen.append(given[0])), torch.no_grad():
        host.model(pixel_values=pixels)
    with closing(duckdb.connect(str(made.published), read_only=True)) as con:
        con.execute("create temp table embedding (image_id bigint, value double[])")
        con.executemany("insert into embedding values (?, ?)", list(enumerate(seen[0].tolist())))
        rows = con.execute("""
            with fires as (
                select feature_id, context_id as image_id, max(activation)::double as act
                from feature_activation group by all
            ),
            spread as (
                select feature_id, count(*) as n, if(n = 48, min(act), 0) as low, max(act) as high
                from fires group by all
            ),
            weighs as (
                select feature_id, image_id, if(high = low, 1, (act - low) / (high - low)) as w
                from fires join spread using (feature_id)
            ),
            pair as (
                select n.feature_id, n.w * m.w as w, list_cosine_similarity(a.value, b.value) as cosine
                from weighs as n
                join weighs as m on n.feature_id = m.feature_id and n.image_id < m.image_id
                join embedding as a on a.image_id = n.image_id
                join embedding as b on b.image_id = m.image_id
            ),
            by_pairs as (select feature_id, sum(w * cosine) / nullif(sum(w), 0) as score from pair group by all)
            select m.score, b.score, m.n_firing_images, coalesce(s.n, 0), m.score_ci_low is not null, f.is_dead
            from monosemanticity as m
            join feature as f using (feature_id)
            left join spread as s using (feature_id)
            left join by_pairs as b using (feature_id)
        """).fetchall()
        every = "select avg(list_cosine_similarity(a.value, b.value)) from embedding as a join embedding as b"
        [(mean,)] = con.execute(f"{every} on a.image_id < b.image_id").fetchall()
    assert len(rows) == 48
    for score, by_pairs, n, n_counted, has_interval, is_dead in rows:
        assert n == n_counted
        assert (score is None) == (by_pairs is None)
        assert score is None or abs(score - by_pairs) < 1e-5
        assert has_interval == (n >= 4) or n == 48
        assert not is_dead or score is None
    told = _rows(made, "select distinct mean_similarity, n_images, embedding_site, pooling from monosemanticity")
    assert told == [(pytest.approx(mean, abs=1e-5), 48, "resid_post.2", "cls")]
    [(feature, score)] = _rows(made, "select feature_id, score from monosemanticity order by score desc limit 1")
    page = TestClient(app(made.published)).get(f"/sae/seen/small/{feature}").text
    assert f'Monosemanticity score <strong><data value="{score}"' in page


def test_pages_show_places_in_images_and_say_what_a_vision_model_has_not(made, tmp_path):
    client = TestClient(app(made.published))
    [(shown,)] = _rows(made, "select min(feature_id) from example where document_id like '%onerror%' and kind = 'top'")
    page = client.get(f"/sae/seen/small/{shown}").text
    assert page.count('class="picture"') > 10
    assert "data:image/jpeg;base64,/9j/" in page
    assert "a vision model predicts no tokens" in page
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;.png" in page
    assert "A vision model: it reads images" in client.get("/model/seen").text
    assert client.get("/sae/seen/small").status_code == 200
    [file] = export(made.published, "seen/small", [shown], tmp_path / "page.html")
    assert "data:image/jpeg" in file.read_text()


def test_the_same_images_are_read_once(made):
    assert _run(made).remade == ()


def test_a_recipe_of_text_is_refused_by_name(tmp_path):
    store = vision_house(tmp_path, "vit")
    recipe = tmp_path / "registry/recipes/small.yaml"
    asked = (
        "explanations: {explainer: [anthropic, local], judge: anthropic, llm: some, local_llm: some, budget_usd: 1, "
    )
    asked += "prompt_variants: [logits], scorers: [detection, simulation], features_per_request: 6}\n"
    recipe.write_text(textwrap.dedent(RECIPE).lstrip().replace("resid_post.@0.5", "q.1") + asked)
    result = _run(store)
    assert not result.success
    assert "seen/small is a recipe of text on a vision model: it asks for site q" in str(result.error)
    for said in (
        "a local model that reads text alone",
        "the prompt `logits`",
        "the scorers simulation, which read tokens",
    ):
        assert said in str(result.error)
    assert "6 features in one request, up to 120 pictures where the provider takes 100" in str(result.error)


@pytest.mark.slow
def test_an_llm_labels_and_judges_pictures_of_the_store_and_a_page_shows_it(tmp_path, monkeypatch):
    from messages_server import KEY, serving
    from vision_judge import VisionJudge

    from pipelines.labels.cost_estimate import estimate_cost

    asked = "explanations: {explainer: [lexical, anthropic], judge: anthropic, llm: claude-haiku-4-5, budget_usd: 5, "
    store = vision_house(
        tmp_path, "vit", RECIPE + f"    {asked}prompt_variants: [activations, contrastive], features: 6}}\n"
    )
    with serving(VisionJudge()) as server:
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        result = _run(store)
        assert result.success, result.error
        n = len(server.bodies)
        assert _run(store).remade == ()
        assert len(server.bodies) == n, "what was answered is not asked again"
        lines = estimate_cost(store, store.registration("seen/small"))
        assert {line.estimate.purpose for line in lines} == {"explain", "specificity", "detection", "fuzzing"}
        assert sum(line.estimate.live_usd for line in lines) == 0
    assert _rows(store, "select what from _violation") == []
    by = "select explainer, prompt, count(*) from explanation where explainer = 'anthropic' group by all order by all"
    assert _rows(store, by) == [("anthropic", "activations", 6), ("anthropic", "contrastive", 6)]
    scored = "select distinct scorer from explanation_score order by all"
    assert _rows(store, scored) == [("detection",), ("fuzzing",), ("image_label",), ("specificity",)]
    assert _rows(store, "select count(*) > 100 from specificity where status = 'ok'") == [(True,)]
    [(shown,)] = _rows(store, "select min(feature_id) from explanation where explainer = 'anthropic'")
    page = TestClient(app(store.published)).get(f"/sae/seen/small/{shown}").text
    assert "rated " in page


def test_cards_of_text_on_a_vision_model_and_the_other_way_round_say_what_each_is(tmp_path):
    store = vision_house(tmp_path, "vit")
    card = tmp_path / "registry/models/seen.yaml"
    images = card.read_text()
    card.write_text(images.split("images:")[0] + f"corpus: {{source: {tmp_path / 'pictures'}}}\n")
    assert "ViTForImageClassification is a vision model, and its card gives text" in str(_run(store).error)
    from tests.support.tiny_models import save_tiny

    text = save_tiny("gpt2", tmp_path / "gpt2")
    card.write_text(f"source: {text}\nimages:{images.split('images:')[1]}")
    assert "is a model of text (GPT2LMHeadModel), and its card gives images" in str(_run(store).error)
    with pytest.raises(ValueError, match="images and corpus were given"):
        read_card(ModelCard, "both.yaml", "source: x\ncorpus: {source: stdlib}\nimages: {source: y}\n")


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in VISION_KINDS if kind != "vit"])
def test_every_family_goes_through_the_chain(kind, tmp_path):
    store = vision_house(tmp_path, kind)
    result = _run(store)
    assert result.success, result.error
    assert _rows(store, "select what from _violation") == []
    assert _rows(store, "select count(*) > 0 from patch_example") == [(True,)]
    assert _rows(store, "select count(score) > 0 from monosemanticity") == [(True,)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["resnet", "efficientnet"])
def test_channels_of_a_map_are_features_as_they_are(kind, tmp_path):
    encoder = save_tiny_vision("dinov2", tmp_path / "encoder")
    store = vision_house(tmp_path, kind, f"{NEURONS}    monosemanticity: {{encoder: {encoder}, max_images: 20}}\n")
    result = _run(store)
    assert result.success, result.error
    read = "select distinct encoder, embedding_site, pooling, n_images from monosemanticity where score is not null"
    assert _rows(store, read) == [(encoder, "resid_post.2", "cls", 20)]
    sample = tuple(store.datasets.images(store.registration("seen/small")).sample(20))
    fires = f"select feature_id, count(distinct context_id) from feature_activation where context_id in {sample}"
    counted = dict(_rows(store, f"{fires} group by all"))
    told = _rows(store, "select feature_id, n_firing_images from monosemanticity")
    assert all(counted.get(feature, 0) == n for feature, n in told)
    assert _run(store).remade == ()
    save_tiny_vision("dinov2", tmp_path / "encoder", seed=1)
    [told] = _run(store).remade
    assert told.startswith("monosemanticity: encoder_revision")
    [(n, width)] = _rows(store, "select n_features, d_in from sae")
    assert n == width


def test_an_image_of_ones_own_is_looked_at_as_one_of_the_corpus(made):
    from pipelines.serving.model_hosts import ModelHosts
    from pipelines.serving.text_reader import TextReader

    client = TestClient(app(made.published, TextReader(ModelHosts(made))))
    [(feature, name, activation, row, col)] = _rows(
        made,
        'select p.feature_id, i.document_id, p.activation, p."row", p.col from patch_example as p join image as i'
        " using (image_id) where p.kind = 'top' and p.rank = 0 order by p.activation desc limit 1",
    )
    data = (Path(made.registry).parent / "pictures" / name).read_bytes()
    page = client.post("/model/seen/image", files={"image": ("any.png", data)}).text
    assert f'/sae/seen/small/{feature}">{feature}</a>' in page
    found = TextReader(ModelHosts(made)).read_image("seen", data, ("small",), lambda said: None)
    [strongest] = [each for each in found.dictionaries[0].features if each.feature_id == feature]
    assert (strongest.row, strongest.col) == (row, col)
    assert abs(strongest.activation - activation) < 0.02 * activation  # stored activations are bfloat16

    assert "left out as" not in page
    svg = b"<svg><script>alert(1)</script></svg>"
    refused = client.post("/model/seen/image", files={"image": ("a.svg", svg)})
    assert refused.status_code == 200
    assert "no image (PNG" in refused.text
    assert "alert" not in refused.text
    assert client.post("/model/seen/image", data={"image": "x"}).text.count("no file was sent") == 1
    assert client.get("/model/nobody/image").status_code == 404
    assert "is a vision model: it reads images, not text" in client.get("/model/seen/text?text=hello").text
