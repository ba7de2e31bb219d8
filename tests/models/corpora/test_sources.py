"""Corpora of files: the documents are what was written, in an order that names alone decide."""

import shutil
from pathlib import Path

import polars as pl
import pytest
import s3fs
from corpus_texts import texts_of

from models.corpora.documents import is_held_out
from models.corpora.sources import open_source
from models.corpora.sources.stdlib import stdlib_documents
from models.corpora.sources.text_files import PIECE
from models.numerics.hash_sampling import hash_rank
from storage.local_files import BrokenLink


def texts(spec: object, text_column: str | None = None) -> dict[str, str]:
    """Documents by id, in the order in which the source gave them."""
    return texts_of(open_source(str(spec), text_column=text_column))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three texts, one of them deeper, beside what no corpus wants."""
    root = tmp_path / "corpus"
    (root / "deep").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "a.txt").write_text("first")
    (root / "b.md").write_text("zweite, mit Umlaut: ä", encoding="utf-8")
    (root / "deep" / "c.py").write_text("third = 3\n")
    (root / "blank.txt").write_text(" \n")
    (root / "latin.txt").write_bytes("Käse".encode("latin-1"))
    (root / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    (root / ".git" / "config").write_text("hidden")
    (root / ".hidden").write_text("hidden")
    return root


EXPECTED = {"a.txt": "first", "b.md": "zweite, mit Umlaut: ä", "deep/c.py": "third = 3\n"}


def test_the_standard_library_is_what_the_bundled_model_was_trained_on():
    source = open_source("stdlib")
    given = texts_of(source)
    trained = {d.document_id: d.text for d in stdlib_documents()}

    assert given == {name: trained[name] for name in given}
    assert set(trained) - set(given) == set(source.report.left_out.names.get("not UTF-8", []))
    assert list(given) == sorted(given, key=hash_rank)
    assert source.report.n_bytes == sum(len(text.encode()) for text in given.values())


def test_a_folder_gives_its_texts_in_hash_order_and_reports_the_rest(folder: Path):
    source = open_source(str(folder))
    given = texts_of(source)

    assert given == EXPECTED
    assert list(given) == sorted(EXPECTED, key=hash_rank)
    report = source.report
    assert report.n_documents == 3
    assert report.left_out.counts == {"empty": 1, "binary": 1, "not UTF-8": 1}
    assert str(report) == (
        "3 documents, 37 bytes of text; 1 left out as binary: image.png; 1 left out as empty: blank.txt; "
        "1 left out as not UTF-8: latin.txt"
    )


def test_the_report_begins_anew_with_each_drawing(folder: Path):
    source = open_source(str(folder))
    assert [*source.documents()] == [*source.documents()]
    assert source.report.n_documents == 3


def test_a_broken_byte_far_into_a_file_leaves_the_whole_file_out(tmp_path: Path):
    (tmp_path / "good.txt").write_text("good")
    (tmp_path / "late.txt").write_bytes(b"x" * (3 * PIECE) + "é".encode()[:1])
    source = open_source(str(tmp_path))
    assert [d.document_id for d in source.documents()] == ["good.txt"]
    assert source.report.left_out.names == {"not UTF-8": ["late.txt"]}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("corpus/*.txt", {"a.txt"}),
        ("corpus/**/*.py", {"deep/c.py"}),
        ("corpus/[ab].*", {"a.txt", "b.md"}),
        ("corp?s/deep/*", {"corpus/deep/c.py"}),
    ],
)
def test_a_glob_gives_what_it_matches_named_below_its_fixed_part(folder: Path, pattern: str, names: set[str]):
    assert set(texts(folder.parent / pattern)) == names


def test_a_relative_path_means_the_same_as_an_absolute_one(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    assert texts("a.txt") == {"a.txt": "first"}
    assert texts("*.md") == {"b.md": EXPECTED["b.md"]}
    assert texts(".") == EXPECTED
    assert open_source(".").sha256() == open_source(str(folder)).sha256()


def test_a_long_text_becomes_pieces_that_join_to_it_and_end_with_lines(tmp_path: Path):
    paragraphs = [f"Paragraph {n}.\n{'word ' * (n % 90)}\n\n" for n in range(5000)]
    text = "".join(paragraphs)
    (tmp_path / "book.txt").write_text(text)
    given = texts(tmp_path / "book.txt")

    assert list(given) == [f"book.txt#{n}" for n in range(len(given))]
    assert "".join(given.values()) == text
    assert max(map(len, given.values())) <= PIECE
    assert all(piece.endswith("\n\n") for piece in given.values())
    held_out = [name for name in given if is_held_out(name)]
    assert 0 < len(held_out) < len(given), f"{len(held_out)} of {len(given)} pieces are held out"


def test_a_long_line_is_cut_where_it_must_be(tmp_path: Path):
    text = "é" * (2 * PIECE + 5)
    (tmp_path / "line.txt").write_text(text, encoding="utf-8")
    assert [len(piece) for piece in texts(tmp_path / "line.txt").values()] == [PIECE, PIECE, 5]


def test_a_byte_order_mark_is_no_text(tmp_path: Path):
    (tmp_path / "marked.txt").write_text("text", encoding="utf-8-sig")
    assert texts(tmp_path) == {"marked.txt": "text"}


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_corpus_is_an_error_that_says_what_was_there(tmp_path: Path, content: bytes):
    (tmp_path / "nothing.txt").write_bytes(content)
    (tmp_path / "nothing.jsonl").write_bytes(content)
    (tmp_path / "latin.txt").write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"holds no text \(files: 3; 0 documents.*not UTF-8: latin\.txt\).*UTF-8 text"):
        texts(tmp_path)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("wikitext", r"corpus 'wikitext': no such file or folder.*`stdlib`.*hf:name"),
        ("missing/*.txt", r"corpus 'missing/\*\.txt': no file is there"),
        ("gopher://host/texts", r"corpus 'gopher://host/texts' is of no known kind"),
        ("hf:", r"not of the form hf:name"),
        ("hf:a/b/c/d", r"not of the form hf:name"),
        ("hf:../../etc", r"not of the form hf:name"),
    ],
)
def test_an_unknown_corpus_is_an_error_that_names_the_known_kinds(
    spec: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=said):
        open_source(spec)


def test_a_folder_of_hidden_files_only_holds_no_corpus(tmp_path: Path):
    (tmp_path / ".hidden").write_text("hidden")
    with pytest.raises(ValueError, match="no file is there, hidden ones aside"):
        open_source(str(tmp_path))


def test_the_fingerprint_follows_names_content_and_column_and_nothing_else(folder: Path):
    first = open_source(str(folder)).sha256()
    assert open_source(str(folder)).sha256() == first
    assert open_source(str(folder), text_column="title").sha256() != first

    (folder / "a.txt").write_text("frist")
    changed = open_source(str(folder)).sha256()
    assert changed != first
    (folder / "a.txt").rename(folder / "z.txt")
    assert open_source(str(folder)).sha256() not in (first, changed)
    (folder / "z.txt").rename(folder / "a.txt")
    (folder / "a.txt").write_text("first")
    assert open_source(str(folder)).sha256() == first


def test_a_corpus_on_s3_is_the_corpus_on_the_disk(folder: Path, s3: str):
    (folder / "deep" / "rows.jsonl").write_text('{"text": "a row"}\n')
    pl.DataFrame({"text": ["another row"]}).write_parquet(folder / "rows.parquet")
    filesystem = s3fs.S3FileSystem()
    filesystem.put(f"{folder}/", f"{s3}/corpora/mixed/", recursive=True)

    assert list(texts(f"{s3}/corpora/mixed").items()) == list(texts(folder).items())
    assert texts(f"{s3}/corpora/mixed/*.txt") == {"a.txt": "first"}
    assert texts(f"{s3}/corpora/mixed/deep/c.py") == {"c.py": "third = 3\n"}
    with pytest.raises(ValueError, match="no such file or folder"):
        open_source(f"{s3}/corpora/other")


def test_the_fingerprint_on_s3_follows_content(s3: str):
    filesystem = s3fs.S3FileSystem()
    filesystem.pipe(f"{s3}/texts/a.txt", b"first")
    first = open_source(f"{s3}/texts").sha256()
    assert open_source(f"{s3}/texts").sha256() == first
    filesystem.pipe(f"{s3}/texts/a.txt", b"frist")
    assert open_source(f"{s3}/texts").sha256() != first


def test_links_to_files_and_folders_are_followed(folder: Path, tmp_path: Path):
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "a.txt").symlink_to("../corpus/a.txt")
    (linked / "b.md").symlink_to(folder / "b.md")
    (linked / "deep").symlink_to("../corpus/deep")
    assert texts(linked) == {name: EXPECTED[name] for name in sorted(EXPECTED, key=hash_rank)}
    assert texts(linked / "**" / "*.py") == {"deep/c.py": EXPECTED["deep/c.py"]}
    assert open_source(str(linked)).sha256() == _copied(linked, tmp_path / "copied").sha256()
    whole = tmp_path / "whole"
    whole.symlink_to("corpus")
    assert texts(whole) == {name: EXPECTED[name] for name in sorted(EXPECTED, key=hash_rank)}


def _copied(folder: Path, to: Path):
    return open_source(str(shutil.copytree(folder, to, symlinks=False)))


@pytest.mark.parametrize("pattern", ["", "/*.txt", "/gone.txt"])
def test_a_link_that_leads_nowhere_is_named_where_it_is_asked_for(folder: Path, pattern: str):
    (folder / "gone.txt").symlink_to("elsewhere.txt")
    with pytest.raises(BrokenLink, match=r"gone.txt is a link to elsewhere.txt, which is not there"):
        open_source(f"{folder}{pattern}")
    assert texts(folder / "*.md") == {"b.md": EXPECTED["b.md"]}, "it is none of these files"


def test_a_folder_that_is_linked_into_itself_is_named(folder: Path):
    (folder / "deep" / "again").symlink_to("..")
    for spec in (folder, folder / "**" / "*.py"):
        with pytest.raises(BrokenLink, match=r"deep/again leads back to a folder that it lies in"):
            open_source(str(spec))
    assert texts(folder / "*.txt") == {"a.txt": EXPECTED["a.txt"]}
