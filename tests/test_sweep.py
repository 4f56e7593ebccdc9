"""A folder is claimed once, found again by the same settings, and refused to all others."""

import json

import pytest

from fairhire.errors import DataError, UsageError
from fairhire.sweep import claim_folder

SETTINGS = {"schema": 1, "training": {"hidden": 4}}


def test_a_new_folder_is_made_and_an_earlier_sweep_is_found_again(tmp_path):
    out = tmp_path / "deep" / "out"
    assert claim_folder(out, "sweep.json", SETTINGS, what="sweep") is None
    assert out.is_dir()
    (out / "sweep.json").write_text(json.dumps({**SETTINGS, "more": 2}))
    assert claim_folder(out, "sweep.json", SETTINGS, what="sweep") == {**SETTINGS, "more": 2}


def test_other_settings_other_files_and_a_broken_marker_are_refused(tmp_path):
    (tmp_path / "sweep.json").write_text(json.dumps({**SETTINGS, "training": {"hidden": 5}}))
    with pytest.raises(UsageError, match=r"a sweep with another training \(hidden: 5 there, 4 here\); choose another"):
        claim_folder(tmp_path, "sweep.json", SETTINGS, what="sweep")
    (tmp_path / "sweep.json").write_text("{")
    with pytest.raises(DataError, match=r"sweep\.json: expected the settings of a sweep"):
        claim_folder(tmp_path, "sweep.json", SETTINGS, what="sweep")
    with pytest.raises(UsageError, match="expected a new or empty folder, or an earlier sweep"):
        claim_folder(tmp_path, "other.json", SETTINGS, what="sweep")
