"""The counting benchmark runs, counts the same rows as the bare query, and its points are fairlearn's."""

import re

from benchmarks import counting


def test_the_bootstrap_is_compared_with_fairlearn(capsys, tmp_path):
    counting.compare_bootstrap(tmp_path, rows=3000, draws=100)
    printed = capsys.readouterr().out
    assert "3,000 rows, 14 groups of race x sex, 4 metrics" in printed
    assert float(re.search(r"at most (\S+) apart", printed)[1]) <= 1e-12
    assert int(re.search(r"([\d,]+) times as long", printed)[1].replace(",", "")) > 1


def test_counting_is_compared_with_the_bare_query(capsys):
    counting.main(["--quick", "--only", "rows", "--people"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:3]] == ["bare GROUP BY", "count_tables"]
    assert re.fullmatch(r"count_tables takes \d+\.\d\d times as long", lines[3])
