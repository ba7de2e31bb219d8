"""The texts that a source gives, for sources of text alone."""

from models.corpora.documents import Document
from models.corpora.sources import CorpusSource


def texts_of(source: CorpusSource) -> dict[str, str]:
    """Documents by id, in the order in which the source gave them."""
    given = {}
    for document in source.documents():
        assert isinstance(document, Document), document
        given[document.document_id] = document.text
    return given
