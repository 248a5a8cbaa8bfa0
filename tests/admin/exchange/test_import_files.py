"""Files from any program are read, and unreadable ones are refused with an explanation."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.admin.exchange import files
from library.admin.exchange.columns import SEMICOLONS, from_cell
from library.admin.exchange.files import UnreadableFileError, read
from library.cells import COMMAS, to_cell

LINES = 'id,Title,Audio URL,tags,duration\n1,"Ünder, über",,"a, b",30.5\n\n,Two,x,,0.25\n'
CELLS: list[dict[str, Any]] = [
    {"id": "1", "title": "Ünder, über", "audio_url": "", "tags": ["a", " b"], "duration": "30.5"},
    {"id": "", "title": "Two", "audio_url": "x", "tags": [], "duration": "0.25"},
]


def csv_of_a_spreadsheet(delimiter: str, decimal: str) -> bytes:
    text = io.StringIO()
    rows = [[cell.replace(".", decimal) for cell in row] for row in csv.reader(LINES.split("\n"))]
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode()


@pytest.mark.parametrize(
    "data",
    [
        LINES.encode(),
        LINES.encode("utf-8-sig"),
        LINES.replace("\n", "\r\n").encode(),
        LINES.replace("\n", "\r").encode(),
        csv_of_a_spreadsheet(";", ","),
        csv_of_a_spreadsheet("\t", "."),
        csv_of_a_spreadsheet("\t", ","),
        LINES.replace("30.5", '"30,5"').encode(),
        LINES.replace(",duration", ",duration,,").encode(),
    ],
)
def test_csv_of_any_program_is_read(data: bytes) -> None:
    rows = read(data, "clips.csv")
    assert [(row.number, row.cells, row.problem) for row in rows.rows] == [
        (2, CELLS[0], ""),
        (4, CELLS[1], ""),
    ]


@pytest.mark.parametrize("line", ["sep=;\r\n", "SEP=;\n", '"sep=;"\r', "sep=;;;;;\r\n"])
def test_line_that_names_the_separator_is_no_row(line: str) -> None:
    """Excel writes it, reads it, and does not show it."""
    data = line.encode() + csv_of_a_spreadsheet(";", ",")
    for found in (data, b"\xef\xbb\xbf" + data):
        rows = read(found, "clips.csv").rows
        assert [(row.number, row.cells) for row in rows] == [(2, CELLS[0]), (4, CELLS[1])]


def test_columns_are_imported_ignored_or_unknown() -> None:
    found = read(b"id,License,play_count,Stream-URL,titel,attribution\n1,,,,,\n", "")
    assert found.columns == ["id", "licence"]
    assert found.ignored == ["play_count", "stream_url", "attribution"]
    assert found.unknown == ["titel"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "This file is empty."),
        (b"\xef\xbb\xbf \n", "This file is empty."),
        (
            b"PK\x03\x04\x14",
            "This file is in the format of a spreadsheet program. In a spreadsheet, save it",
        ),
        (b"\xd0\xcf\x11\xe0\xa1", "This file is in the format of a spreadsheet program."),
        ("title\nA".encode("utf-16"), "This file is text in UTF-16. In a spreadsheet, save it as"),
        ("title\nA".encode("utf-16-le"), "This file is not text: it contains NUL characters."),
        ("title\nA\nÜ".encode("latin-1"), "This file is not text in UTF-8 (see line 3)."),
        (b"name,file\nA,B\n", "The first row must name the columns, such as: id, title,"),
        (b"title,genre\n", "There are no clips in this file."),
        (b"title,Title\nA,B\n", "The column “title” occurs more than once."),
        (b'title,genre\nA,"B\nC', "This is not CSV: see line 3 (unexpected end of data)."),
        (b"title\n" + b"x" * 200_000, "This is not CSV: see line 2 (field larger than"),
        (b'[{"title": NaN}]', "This is not JSON: see line 1, column 12."),
        (b'{"title": "A"}', 'The JSON must be a list of clips: [{"title": …}, …].'),
        (b"[]", "There are no clips in this file."),
        (b'[{"title": "\\ud800"}]', "This is not JSON: see line 1"),
        (b"title\n" + b"A\n" * 10_001, "This file has 10,001 rows. An import can have 10,000."),
        (
            b"x" * (files.MAX_BYTES + 1),
            "This file is larger than 10 MB. Split it into several files.",
        ),
    ],
    ids=range(18),
)
def test_unreadable_file_is_refused_with_an_explanation(data: bytes, sentence: str) -> None:
    with pytest.raises(UnreadableFileError) as refused:
        read(data, "clips.csv")
    assert str(refused.value).startswith(sentence)


@given(
    text=st.text(alphabet=st.sampled_from("'=+-@;,\t\n a1\uff1d"), max_size=12),
    dialect=st.sampled_from([COMMAS, SEMICOLONS]),
)
def test_exported_text_is_no_formula_and_is_imported_unchanged(text: str, dialect: Any) -> None:
    cell = to_cell(text, dialect)
    assert from_cell("title", cell, dialect) == text
    parts = cell.replace(";", "\n").replace(",", "\n").replace("\t", "\n").split("\n")
    assert not any(part.startswith(tuple("=+-@\uff1d")) for part in parts)


@pytest.mark.parametrize("dialect", [COMMAS, SEMICOLONS])
@given(seconds=st.floats(0.001, 3600))
def test_exported_durations_are_imported_unchanged(dialect: Any, seconds: float) -> None:
    assert float(from_cell("duration", to_cell(seconds, dialect), dialect)) == seconds


@pytest.mark.parametrize("number", ["1,500", "1,5,0", "one,two", ",5"])
def test_ambiguous_comma_is_left_for_the_error_message(number: str) -> None:
    assert from_cell("duration", number, COMMAS) == number
