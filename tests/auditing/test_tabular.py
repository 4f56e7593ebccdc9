"""Files are looked at before the engine reads them."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairhire.auditing import tabular
from fairhire.auditing.tabular import column_names, csv_rows, ends_in_commas
from fairhire.errors import DataError


def test_columns_are_named_without_reading_the_rows(tmp_path):
    (tmp_path / "t.csv").write_text('\ufeffcandidate, "sex"\nbroken\n', encoding="utf-8")
    assert column_names(tmp_path / "t.csv", what="a table") == ["candidate", '"sex"']
    pq.write_table(pa.table({"b": [1], "a": [2]}), tmp_path / "t.parquet")
    assert column_names(tmp_path / "t.parquet", what="a table") == ["b", "a"]
    assert column_names(tmp_path, what="a table") == ["b", "a"]
    with pytest.raises(DataError, match="expected a people table, found no such file"):
        column_names(tmp_path / "none.csv", what="a people table")


@pytest.mark.parametrize("piece", [1, 2, 3, 100])
def test_a_comma_at_the_end_of_a_line_is_seen_wherever_pieces_end(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(tabular, "_PIECE", piece)
    path = tmp_path / "t.csv"
    for text, found in {b"a,b\n1,2\n": False, b"a,b\n1,\n": True, b"a,b\r\n1,\r\n": True, b"a,b\n1,": True}.items():
        path.write_bytes(text)
        assert ends_in_commas(path) is found


def test_rows_come_in_pieces_and_break_in_their_line(tmp_path, monkeypatch):
    monkeypatch.setattr(tabular, "_ROWS", 2)
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,"x\ny"\n\n2,\n3,z\n')
    assert list(csv_rows(path)) == [[["1", "x\ny"], ["2", ""]], [["3", "z"]]]
    path.write_text('a,b\n1,"x\ny"\n2\n')
    with pytest.raises(DataError, match="line 4: expected 2 cells, got 1"):
        list(csv_rows(path))
