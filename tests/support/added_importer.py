"""The one file of a made-up importer of dashboards."""

IMPORTER = '''"""A file of "feature, firings, tokens, label" per line. Made up by a test."""

from datetime import datetime

from models.interchange.dashboards.dump import BadDump, DumpInfo, FeatureDump, explanation_id, table

FOLDER = "the folder that holds counts.csv"
EXAMPLE = "counts --model small --recipe counted"


def recognises(folder):
    return folder.exists("counts.csv")


def read(source):
    if not source.folder.exists("counts.csv"):
        raise BadDump(f"{source.folder} holds no counts.csv: name the folder that holds it")
    rows = [line.split(", ") for line in source.folder.read_bytes("counts.csv").decode().splitlines()]
    about = DumpInfo(model="counted", site="resid_post.3", layer=3, n_tokens=int(rows[0][2]), config={})
    features, labels = [], []
    for feature, firings, tokens, label in rows:
        counts = {"n_firings": int(firings), "n_tokens": int(tokens), "density": int(firings) / int(tokens)}
        features.append({"feature_id": int(feature), "is_dead": firings == "0", **counts})
        said = {"feature_id": int(feature), "explainer": "hand", "prompt": "none", "label": label, "status": "ok"}
        named = {"explanation_id": explanation_id(source.sae_id, feature), "created_at": datetime(2026, 1, 1)}
        labels.append({**said, **named})
    return FeatureDump(about, [{"feature": table("feature", features), "explanation": table("explanation", labels)}])
'''
FILES = {"models/interchange/dashboards/importers/counts.py": IMPORTER}
