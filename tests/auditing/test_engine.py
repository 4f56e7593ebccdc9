"""The engine reads files exactly as they stand or not at all, and its answers do not depend on the order of rows."""

import csv
import datetime
import io
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairhire.auditing import engine as engine_module
from fairhire.auditing.engine import PART, SQUARE, Rows, engine
from fairhire.errors import DataError

CELLS = st.text(alphabet=st.sampled_from("ab, \"\n;é'#\\\t0"), max_size=6)
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def here():
    with engine(threads=2) as opened:
        yield opened


def read_text(here, tmp_path, text, name="table.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return here.read(path, what="a table")


@QUICK
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_a_csv_is_what_the_csv_module_reads(here, tmp_path, rows, end):
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator=end)
    writer.writerows([("one", "two", "three"), *rows])
    table = read_text(here, tmp_path, written.getvalue())
    expected = [[cell.strip(" \n\r\t") for cell in column] for column in zip(*rows, strict=True)]
    assert list(here.everything(table).values()) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "expected a header line, got an empty file"),
        (b"a,b\n", "expected at least one row, got none"),
        (b"a,b\n1,2\n3\n", "line 3: expected 2 cells, got 1"),
        (b"a,b\n1,2\n3,4,5\n", "line 3: expected 2 cells, got 3"),
        (b"a,b\n1,2\n3,4,\n", "line 3: expected 2 cells, got 3"),
        (b"a,b\n1,2,", "line 2: expected 2 cells, got 3"),
        (b"a,b\n1,2\n3,\xe9\n", "line 3: expected UTF-8 text, got other bytes"),
        (b"a,\xe9\n1,2\n", "line 1: expected UTF-8 text, got other bytes"),
        ("a,b\n1,2\n".encode("utf-16"), "line 1: expected UTF-8 text"),
        (b'a,b\n1,"x\n3,4\n', "expected comma-separated text"),
        (b'a,b\n1,"x"y\n', "line 2: expected comma-separated text"),
        (b"a,a\n1,2\n", "expected every column once, got 'a' 2 times"),
        (b"a,\n1,2\n", "expected a name for every column"),
    ],
)
def test_a_broken_csv_gets_one_line_that_says_where(here, tmp_path, text, message):
    with pytest.raises(DataError, match=message) as caught:
        read_text(here, tmp_path, text)
    assert "table.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["\ufeffa,b\n1,2\n3,\n", "a,b\r\n1,2\n3,\r\n", "a,b\n1,2\n\n3,\n\n", "\n\na,b\n1,2\n3,\n", "a,b\r1,2\r3,"]
)
def test_marks_blank_lines_and_line_ends_change_nothing(here, tmp_path, text):
    assert here.everything(read_text(here, tmp_path, text)) == {"a": ["1", "3"], "b": ["2", ""]}


def test_names_like_patterns_or_queries_are_names(here, tmp_path):
    name = "x'; DROP TABLE t1; --*[a].csv"
    table = read_text(here, tmp_path, '"a""; DROP TABLE t1; --",select\n1,2\n', name=name)
    assert here.everything(table) == {'a"; DROP TABLE t1; --': ["1"], "select": ["2"]}
    pq.write_table(pa.table({'c"0': ["x"], "select": ["y"]}), tmp_path / "a*b.parquet")
    pq.write_table(pa.table({'c"0': ["other"], "select": ["z"]}), tmp_path / "aab.parquet")
    assert here.everything(here.read(tmp_path / "a*b.parquet", what="a table")) == {'c"0': ["x"], "select": ["y"]}


def test_a_folder_of_parquet_is_one_table_in_the_order_of_names(here, tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    for name, values in {"b": [3, 4, 5], "a": [1, 2]}.items():
        pq.write_table(pa.table({"x": values}), folder / f"{name}.parquet")
    (folder / "_SUCCESS").write_text("")
    table = here.read(folder, what="a table")
    assert here.everything(table) == {"x": ["1", "2", "3", "4", "5"]}
    assert [table.place(row) for row in (1, 2, 3, 5)] == [
        f"row {r} of {f}.parquet" for r, f in ((1, "a"), (2, "a"), (1, "b"), (3, "b"))
    ]
    before = table.source.sha256
    assert (table.source.name, table.source.rows) == ("parts", 5)
    (folder / "b.parquet").rename(folder / "c.parquet")
    assert here.read(folder, what="a table").source.sha256 != before


def test_a_folder_whose_files_differ_or_that_has_none_is_refused(here, tmp_path):
    with pytest.raises(DataError, match="expected a people table, found a folder without Parquet files"):
        here.read(tmp_path, what="a people table")
    pq.write_table(pa.table({"x": [1], "y": ["a"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": ["1"], "y": ["a"]}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"the same columns in every file, got others in b.parquet than a.parquet"):
        here.read(tmp_path, what="a table")


def test_a_damaged_parquet_gets_one_line(here, tmp_path):
    path = tmp_path / "t.parquet"
    with pytest.raises(DataError, match=r"expected a table, found no such file"):
        here.read(path, what="a table")
    rng = np.random.default_rng(0)
    pq.write_table(pa.table({"x": rng.random(10_000)}), path, compression="snappy")
    whole = path.read_bytes()
    for text in (b"", b"PAR1", whole[:-10], whole[: len(whole) // 2]):
        path.write_bytes(text)
        with pytest.raises(DataError, match="expected a Parquet file, got one that is cut short") as caught:
            here.read(path, what="a table")
        assert "\n" not in str(caught.value)
    path.write_bytes(whole[:4] + bytes(40_000) + whole[40_004:])  # the footer is well, the pages are not
    table = here.read(path, what="a table")
    with pytest.raises(DataError, match="undamaged Parquet"):
        Rows(here, table, {"score": "x"}, {}).scores(0, 1)


def test_parquet_columns_of_every_kind(here, tmp_path):
    utc = datetime.UTC
    columns = {
        "text": pa.array(["x", None]),
        "dictionary": pa.array(["x", None]).dictionary_encode(),
        "large": pa.array(["x", None], pa.large_string()),
        "int8": pa.array([1, None], pa.int8()),
        "uint64": pa.array([2**63, None], pa.uint64()),
        "float": pa.array([1.0, None], pa.float32()),
        "decimal": pa.array([1, None], pa.decimal128(5, 2)),
        "bool": pa.array([True, None]),
        "date": pa.array([datetime.date(2026, 1, 2), None]),
        "stamp": pa.array([datetime.datetime(2026, 1, 2, 23, 30, tzinfo=utc), None]),
        "nothing": pa.array([None, None]),
        "list": pa.array([[1], None]),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    table = here.read(tmp_path / "t.parquet", what="a table")
    kinds = ["text"] * 3 + ["whole", "text"] + ["number"] * 2 + ["truth"] + ["day"] * 2 + ["text", "other"]
    assert list(table.kinds.values()) == kinds
    found = here.everything(table)
    assert [found[name][0] for name in columns] == [
        *("x", "x", "x", "1", str(2**63), "1", "1", "true", "2026-01-02", "2026-01-02", "", "")
    ]
    with pytest.raises(DataError, match="expected categories, got a column of nested or binary values"):
        Rows(here, table, {}, {"sex": "list"})
    with pytest.raises(DataError, match="expected number or whole or text for a score, got truth"):
        Rows(here, table, {"score": "bool"}, {})


def test_columns_that_differ_in_case_only_are_refused(here, tmp_path):
    pq.write_table(pa.table({"sex": ["f"], "Sex": ["m"]}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="differ in more than case, got 'sex' in two ways"):
        here.read(tmp_path / "t.parquet", what="a table")


def rows_of(here, scores, **columns):
    held = here.hold("t", {"score": pa.array(scores, pa.float64()), **columns}, digest="")
    roles = {"score": "score"}
    return Rows(here, held, roles, {name: name for name in columns}).with_value(0.0, 1.0)


@QUICK
@given(st.lists(st.sampled_from([0.0, 1e-300, 0.1, 0.5, np.nextafter(0.5, 1), 0.7, 1.0]) | st.floats(0, 1), min_size=1))
def test_any_rank_is_found_without_sorting(here, scores):
    rows = rows_of(here, scores)
    for rank in {0, len(scores) // 2, len(scores) - 1}:
        assert rows.smallest(rank) == sorted(scores)[rank]


def test_a_rank_is_found_where_nearly_all_scores_share_their_first_digits(here, monkeypatch):
    monkeypatch.setattr(engine_module, "MOST_GROUPS", 50)  # so that bins are refined over and over
    scores = 0.5 + np.arange(400) * 2.0**-50
    scores = np.concatenate([np.repeat(scores[::100], 60), [0.0, 1.0]])
    assert rows_of(here, scores).smallest(150) == np.sort(scores)[150]


def test_bins_add_up_to_the_moments_whatever_the_order(here):
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.random(5000), [0.0, 1.0, 1.0]])
    found = []
    for order in (np.arange(len(scores)), rng.permutation(len(scores))):
        grouped = rows_of(here, scores[order]).by_score([], bins=64, limits={})
        sums = {name: values.tolist() for name, values in grouped.sums.items()}
        found.append(sorted(zip(*sums.values(), strict=True)))
    assert found[0] == found[1]
    bins, n, part, square = (np.asarray(column, dtype=float) for column in zip(*found[0], strict=True))
    assert n.sum() == len(scores)
    assert (bins * n + part / PART).sum() / 64 == pytest.approx(scores.sum(), rel=1e-12)
    squares = (bins**2 * n + 2 * bins * part / PART + square / SQUARE).sum() / 64**2
    assert squares == pytest.approx((scores**2).sum(), rel=1e-12)


def test_a_bound_is_compared_as_the_number_it_is(here):
    value = 0.12345678901234567  # as a decimal the engine would read the number below it or above
    rows = rows_of(here, [np.nextafter(value, 0), value, np.nextafter(value, 1)]).with_above(value).with_passed(value)
    for key, expected in {"above": 1, "passed": 2}.items():
        grouped = rows.grouped([key], limits={})
        assert grouped.sums["n"][grouped.codes[key] == grouped.values[key].index(1)] == [expected]
    assert rows.equal_to(value) == 1


def test_too_many_values_are_refused_by_the_name_of_their_column(here):
    rows = rows_of(here, np.zeros(30), sex=pa.array([str(n) for n in range(30)]))
    with pytest.raises(DataError, match="t, sex: expected at most 20 different values, got more: is this an id"):
        rows.grouped(["sex"], limits={"sex": 20})
    assert len(rows.grouped(["sex"], limits={"sex": 30}).values["sex"]) == 30


def test_what_the_engine_cannot_convert_is_told_without_showing_it(here):
    with pytest.raises(DataError, match="within the range of their kind") as caught:
        here._execute("SELECT CAST('ada' AS INTEGER)")
    assert "ada" not in str(caught.value)


def test_temporary_files_disappear_and_nothing_may_be_downloaded(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def fail() -> None:
        with engine() as here:
            names = ("autoinstall_known_extensions", "autoload_known_extensions", "enable_progress_bar")
            for name in names:
                (found,) = here._connection.execute(f"SELECT current_setting('{name}')").fetchone()
                assert found is False
            assert list(tmp_path.iterdir())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not list(Path(tmp_path).iterdir())
