"""Whatever a CSV looks like, the records that stay are the same bytes; Parquet keeps what it is made of."""

import csv
import gzip
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairhire.forget.person import Person
from fairhire.forget.tables import drop_array_rows, drop_rows, parquet_texts, read_keys, rows_about

HIM = Person(frozenset({"him-1"}), frozenset({"talk-1"}))
CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6)
ROWS = st.lists(st.tuples(st.sampled_from(["him-1", "him-12", "her", ""]), CELLS), max_size=8)


@given(rows=ROWS, end=st.sampled_from(["\n", "\r\n"]), mark=st.booleans(), packed=st.booleans(), last=st.booleans())
def test_records_of_others_are_the_same_bytes(tmp_path_factory, rows, end, mark, packed, last):
    path = tmp_path_factory.mktemp("t") / ("a.csv.gz" if packed else "a.csv")

    def written(cells):
        buffer = io.StringIO(newline="")
        quoting = csv.QUOTE_ALL if "\r" in "".join(cells) else csv.QUOTE_MINIMAL  # else it ends the line
        csv.writer(buffer, lineterminator=end, quoting=quoting).writerow(cells)
        return buffer.getvalue().encode()

    head = (b"\xef\xbb\xbf" if mark else b"") + written(["note", " Candidate "])
    records = [written([note, who]) for who, note in rows]
    if records and last and rows[-1][0] != "him-1":
        records[-1] = records[-1].removesuffix(end.encode())  # no line end at the end of the file
    content = head + b"".join(records)
    path.write_bytes(gzip.compress(content) if packed else content)
    assert rows_about(read_keys(path), HIM) == [row for row, (who, _) in enumerate(rows) if who == "him-1"]
    drop_rows(path, HIM)
    left = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    assert left == head + b"".join(record for record, (who, _) in zip(records, rows, strict=True) if who != "him-1")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("interview;score\ntalk-1;1\ntalk-2;0\n", [0]),
        ("id\tx\nhim-1\t1\n", [0]),
        (
            "candidate,interview\nher,talk-1\n,talk-1\nhim-1,talk-9\n",
            [1, 2],
        ),  # the candidate decides where one is named
        ("candidate\n\n\nhim-1\n", [0]),
        ("candidate,x\nher\nhim-1\n", [1]),
        ("x,candidate\nonly\ny,him-1\n", [1]),
        ('candidate,x\n"him-1","a\nhim-1,b"\nher,him-1\n', [0]),
    ],
)
def test_rows_are_known_by_the_columns_that_name_people(tmp_path, text, rows):
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert rows_about(read_keys(path), HIM) == rows


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"name,score\nhim-1,1\n"),
        ("a.csv", b""),
        ("a.csv", b"candidate\n" + b"x" * 200_000),  # longer than the csv module takes
        ("a.parquet", b"nothing of the kind"),
        ("a.parquet", b""),
        ("a.csv.gz", b"nothing of the kind"),
        ("a.csv.gz", gzip.compress(b"candidate\nhim-1\n", mtime=0)[:-12]),
    ],
)
def test_what_is_no_table_of_people_is_left_alone(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    assert read_keys(path) is None
    drop_rows(path, HIM)
    assert path.read_bytes() == content


def test_parquet_forgets_dictionaries_statistics_and_nothing_else(tmp_path):
    path = tmp_path / "a.parquet"
    names = ["her", "him-1", "it", "him-1"]
    schema = pa.schema(
        [
            pa.field("candidate", pa.dictionary(pa.int8(), pa.string()), metadata={"a": "b"}),
            pa.field("n", pa.int16(), nullable=False),
            pa.field("deep", pa.list_(pa.struct([("x", pa.string())]))),
        ],
        metadata={"made": "by hand"},
    )
    column = pa.array(names).dictionary_encode().cast(schema.field(0).type)
    deep = [[{"x": "p"}], None, [], [{"x": "q"}]]
    table = pa.table([column, pa.array([1, 2, 3, 4], pa.int16()), pa.array(deep, schema.field(2).type)], schema=schema)
    pq.write_table(table, path, compression={"candidate": "gzip", "n": "none", "deep.list.element.x": "zstd"})
    written = pq.read_schema(path)
    drop_rows(path, HIM)
    assert b"him-1" not in path.read_bytes()
    with pq.ParquetFile(path) as file:
        assert file.schema_arrow.equals(written, check_metadata=True)
        assert file.read().to_pylist() == [table.to_pylist()[0], table.to_pylist()[2]]
        assert b"him-1" not in repr(file.read().column(0).chunk(0).dictionary).encode()
    assert {"candidate", "made", "by hand", "her", "it", "p", "x"} <= set(parquet_texts(path))


def test_a_table_of_one_person_keeps_its_header(tmp_path):
    pq.write_table(pa.table({"candidate": ["him-1"]}), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("candidate\nhim-1\n")
    for path in tmp_path.iterdir():
        drop_rows(path, HIM)
        assert len(read_keys(path)) == 0
    assert (tmp_path / "a.csv").read_text() == "candidate\n"


def test_whole_numbers_are_ids_without_a_point(tmp_path):
    him = Person(frozenset({"7"}))
    for values in (pa.array([7, 70]), pa.array([7.0, None]), pa.array(["7", "07"])):
        pq.write_table(pa.table({"candidate": values}), tmp_path / "a.parquet")
        assert rows_about(read_keys(tmp_path / "a.parquet"), him) == [0]


def test_an_array_loses_the_rows_it_is_told(tmp_path):
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.save(tmp_path / "a.npy", values)
    drop_array_rows(tmp_path / "a.npy", [1, 3])
    left = np.load(tmp_path / "a.npy")
    assert left.dtype == np.float32
    assert np.array_equal(left, values[[0, 2]])
