"""Numbers as people read them in the UI, which the tables hold whole, and where the pages of a dictionary are."""

import os
from urllib.parse import quote

import dagster as dg


def rounded(value: float) -> float:
    """A measure to four significant digits."""
    return float(f"{value:.4g}")


def page_link(sae_id: str | None = None) -> dg.UrlMetadataValue:
    """The permanent address of a dictionary's page, or of all of them, on the server that `GLASSHOUSE_PAGES` names."""
    return _link(f"/sae/{quote(sae_id)}" if sae_id else "/")


def model_link(model_id: str) -> dg.UrlMetadataValue:
    """The permanent address of a model's page, on the same server."""
    return _link(f"/model/{quote(model_id)}")


def experiment_link(key: str) -> dg.UrlMetadataValue:
    """The permanent address of an experiment's page, on the same server."""
    return _link(f"/experiments/{quote(key)}")


def _link(page: str) -> dg.UrlMetadataValue:
    return dg.MetadataValue.url(f"{os.environ.get('GLASSHOUSE_PAGES', 'http://127.0.0.1:8765')}{page}")
