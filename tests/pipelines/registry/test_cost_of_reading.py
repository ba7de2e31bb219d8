"""Every command, the code server and each of Dagster's processes read cards first: that must load no heavy library."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
HEAVY = ("torch", "transformers", "duckdb")
READ = """
import json, sys
import pipelines.registry.registry
from models.autointerp.scorer import scorer_names, scorers_of_every_label
from pipelines.registry.cards import RecipeCard, read_card

names = [name for name in scorer_names() if name not in scorers_of_every_label()]
card = read_card(
    RecipeCard,
    "every.yaml",
    "site: resid_post.@0.5\\nsae: {architecture: topk, expansion: 16, k: 32}\\nexplanations: {explainer: anthropic, "
    "judge: anthropic, llm: x, budget_usd: 1, local_llm: y, sentence_encoder: z, scorers: [" + ", ".join(names) + "]}",
)
json.dump({"named": card.explanations.scorers, "there": scorer_names(), "loaded": list(sys.modules)}, sys.stdout)
"""


def test_reading_a_card_that_names_every_scorer_loads_no_heavy_library():
    ran = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, check=True, cwd=ROOT)
    told = json.loads(ran.stdout)
    files = sorted(file.stem for file in (ROOT / "models/autointerp/scorers").glob("[!_]*.py"))
    assert told["there"] == files
    assert told["named"] == [name for name in files if name != "specificity"]
    assert "models.autointerp.scorers.surprisal" in told["loaded"]
    assert [name for name in HEAVY if name in told["loaded"]] == []
