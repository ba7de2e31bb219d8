"""Documents out of what a source holds: long texts in pieces, and every one counted."""

from collections.abc import Iterable, Iterator

import numpy as np

from models.corpora.documents import AnyDocument, Conversation, Document, PretokenizedDocument
from models.corpora.sources.base import ReadReport
from models.corpora.sources.cells import Absent, Content, content_of
from models.corpora.sources.text_files import PIECE, pieces


def row_documents(name: str, rows: Iterable[Content | Absent], report: ReadReport) -> Iterator[AnyDocument]:
    """The rows of a file as documents `name#row`; a long text becomes `name#row.piece`."""
    for number, content in enumerate(rows):
        row = f"{name}#{number}"
        if isinstance(content, str) and len(content) > PIECE:
            for piece, text in enumerate(pieces([content])):
                yield from counted(f"{row}.{piece}", content_of(text), report)
        else:
            yield from counted(row, content, report)


def counted(document_id: str, content: Content | Absent, report: ReadReport) -> Iterator[AnyDocument]:
    """Yields what can be read as a document, and counts it or why it cannot."""
    if isinstance(content, Absent):
        report.left_out.add(content.reason, document_id)
        return
    report.n_documents += 1
    if isinstance(content, str):
        report.n_bytes += len(content.encode())
        yield Document(document_id, content)
    elif isinstance(content, np.ndarray):
        report.n_bytes += content.nbytes
        yield PretokenizedDocument(document_id, content)
    else:
        report.n_bytes += sum(len(message["content"].encode()) for message in content)
        yield Conversation(document_id, content)
