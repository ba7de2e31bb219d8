"""The files of one line each: release, model, source set and source; and the kinds of explanation that are named."""

import re
from collections.abc import Mapping
from typing import Any

from models.interchange.dashboards.checked_record import CheckedRecord
from models.interchange.dashboards.dump import BadDump, DumpInfo
from models.interchange.dashboards.neuronpedia.export_identity import ExportIdentity, counts_in, notes_of
from models.interchange.hook_names import D_MODEL_KINDS, from_hook_name, layer_of

NEEDED = ("id", "modelId", "setName")
EXPLAINER, LLM = "Explainer", "Language model"
Row = dict[str, Any]


def release_line(stamp: ExportIdentity) -> Row:
    return {
        "name": stamp.source_set,
        "visibility": "PUBLIC",
        "isNewUi": False,
        "featured": False,
        "description": f"{stamp.source_set} on {stamp.model}",
        "descriptionShort": None,
        "urls": [],
        "creatorEmail": None,
        "creatorName": "Glasshouse",
        "creatorNameShort": None,
        "creatorId": stamp.creator,
        "defaultSourceSetName": stamp.source_set,
        "defaultSourceId": stamp.source,
        "defaultUmapSourceIds": [],
        "createdAt": stamp.created_at,
    }


def model_line(stamp: ExportIdentity, model: Mapping[str, Any]) -> Row:
    """`layers`, `neuronsPerLayer` and `owner` may not be null there: 0 and '' where they are not known."""
    return {
        "id": stamp.model,
        "displayNameShort": stamp.model,
        "displayName": model["source"],
        "creatorId": stamp.creator,
        "tlensId": None,
        "dimension": model["d_model"],
        "visibility": "PUBLIC",
        "defaultSourceSetName": None,
        "defaultSourceId": None,
        "inferenceEnabled": False,
        "instruct": False,
        "layers": model["n_layers"] or 0,
        "neuronsPerLayer": 0,
        "createdAt": stamp.created_at,
        "owner": "",
        "updatedAt": stamp.created_at,
        "website": None,
    }


def sourceset_line(stamp: ExportIdentity, architecture: str) -> Row:
    return {
        "modelId": stamp.model,
        "name": stamp.source_set,
        "hasDashboards": True,
        "visibility": "PUBLIC",
        "description": f"{architecture}, {stamp.site}",
        "type": architecture,
        "creatorName": "Glasshouse",
        "urls": [],
        "creatorEmail": None,
        "creatorId": stamp.creator,
        "releaseName": stamp.source_set,
        "defaultOfModelId": None,
        "defaultRange": 1,
        "defaultShowBreaks": True,
        "showDfa": False,
        "showCorrelated": True,
        "showHeadAttribution": False,
        "showUmap": False,
        "createdAt": stamp.created_at,
    }


def source_line(stamp: ExportIdentity, n_tokens: int, n_features: int, corpus: Mapping[str, Any] | None) -> Row:
    return {
        "id": stamp.source,
        "modelId": stamp.model,
        "hasDashboards": True,
        "inferenceEnabled": False,
        "saelensConfig": None,
        "saelensRelease": None,
        "saelensSaeId": None,
        "hfRepoId": None,
        "hfFolderId": None,
        "visibility": "PUBLIC",
        "defaultOfModelId": None,
        "setName": stamp.source_set,
        "creatorId": stamp.creator,
        "hasUmap": False,
        "hasUmapLogSparsity": False,
        "hasUmapClusters": False,
        "num_prompts": corpus["n_contexts"] if corpus else None,
        "num_tokens_in_prompt": corpus["context_length"] if corpus else None,
        "dataset": corpus["source"] if corpus else None,
        "notes": notes_of(n_tokens, n_features),
        "createdAt": stamp.created_at,
    }


def kind_line(stamp: ExportIdentity, name: str, what: str) -> Row:
    """A line of config/explanation_type.jsonl or explanation_model_type.jsonl: what others name must have one."""
    line = {
        "name": name,
        "displayName": name,
        "description": f"{what} {name}, as Glasshouse names it",
        "featured": False,
        "creatorName": "Glasshouse",
        "createdAt": stamp.created_at,
        "updatedAt": stamp.created_at,
    }
    return line | ({"creatorId": stamp.creator, "isAttention": False} if what == EXPLAINER else {})


def dump_info(source: CheckedRecord, model: CheckedRecord | None, first: CheckedRecord | None) -> DumpInfo:
    """What `source.jsonl`, `model.jsonl` and the first feature say together.

    Raises:
        BadDump: If the tokens that were looked at are not to be known.
    """
    ours = counts_in(source.text("notes"))
    prompts, length = source.whole("num_prompts"), source.whole("num_tokens_in_prompt")
    n_tokens = ours[0] if ours else (prompts or 0) * (length or 0)
    if not n_tokens:
        raise source.fault(
            f"num_prompts is {prompts}, num_tokens_in_prompt {length}, wanted both, for a density says how often a "
            "feature fires only with the number of tokens: write them into the file"
        )
    hook = first.text("hookName") if first else None
    site = from_hook_name(hook or source.text("saelensSaeId") or source.text("hfFolderId"))
    d_model = (model.whole("dimension") or None) if model else None
    layer = re.match(r"(\d+)-", source.text("id") or "")
    return DumpInfo(
        model=(model.text("displayName") if model else None) or f"neuronpedia:{source.text('modelId')}",
        site=site,
        layer=layer_of(site) if layer_of(site) is not None or site == "embed" else int(layer[1]) if layer else None,
        n_tokens=n_tokens,
        n_features=ours[1] if ours else None,
        n_contexts=prompts,
        context_length=length,
        dataset=source.text("dataset"),
        n_layers=(model.whole("layers") or None) if model else None,
        d_model=d_model,
        d_in=d_model if site.split(".")[0] in D_MODEL_KINDS else None,
        config=dict(source.values),
    )


def one(records: list[CheckedRecord], where: str) -> CheckedRecord:
    if len(records) != 1:
        raise BadDump(f"{where} has {len(records)} lines, wanted one: name the folder of one source")
    return records[0]
