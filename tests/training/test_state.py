"""The state of a killed run: what was saved comes back to the last bit, anything else is refused in one line."""

from __future__ import annotations

import copy
import errno
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from fairhire.errors import DataError, StorageError
from fairhire.training.state import load_state, load_weights, read_record, save_state, save_weights

Parts = tuple[dict[str, nn.Module], dict[str, torch.optim.Optimizer]]


def parts(seed: int, width: int = 3) -> Parts:
    torch.manual_seed(seed)
    modules: dict[str, nn.Module] = {"model": nn.Linear(width, 2), "adversary": nn.Linear(2, 4)}
    return modules, {name: torch.optim.Adam(module.parameters(), lr=0.1) for name, module in modules.items()}


def step(some: Parts) -> None:
    modules, optimisers = some
    for optimiser in optimisers.values():
        optimiser.zero_grad()
    modules["adversary"](modules["model"](torch.ones(1, 3))).square().sum().backward()
    for optimiser in optimisers.values():
        optimiser.step()


def bits(some: Parts) -> dict[str, torch.Tensor]:
    return {f"{n}.{key}": value for n, module in some[0].items() for key, value in module.state_dict().items()}


def same(one: Parts, other: Parts) -> bool:
    left, right = bits(one), bits(other)
    return all(torch.equal(left[key], right[key]) for key in left)


def test_weights_and_moments_come_back_so_that_the_next_steps_are_the_same(tmp_path: Path) -> None:
    ours = parts(0)
    step(ours)
    step(ours)
    save_state(tmp_path / "state", *ours, {"epoch": 3, "sums": {"loss": 0.1}})
    other = parts(1)
    load_state(tmp_path / "state", *other)
    assert same(ours, other)
    for _ in range(3):
        step(ours)
        step(other)
    assert same(ours, other)
    assert read_record(tmp_path / "state") == {"epoch": 3, "sums": {"loss": 0.1}}


def test_without_the_moments_the_next_step_would_differ(tmp_path: Path) -> None:
    ours = parts(0)
    step(ours)
    save_state(tmp_path / "state", *ours, {})
    other = parts(1)
    load_state(tmp_path / "state", other[0], {})
    step(ours)
    step(other)
    assert not same(ours, other)


def test_an_optimiser_that_has_not_moved_comes_back_unmoved(tmp_path: Path) -> None:
    ours = parts(0)
    save_state(tmp_path / "state", *ours, {})
    other = parts(1)
    step(other)
    load_state(tmp_path / "state", *other)
    assert not other[1]["adversary"].state
    step(ours)
    step(other)
    assert same(ours, other)


def test_saving_changes_nothing_and_shares_no_memory(tmp_path: Path) -> None:
    ours = parts(0)
    ours[0]["model"].weight = ours[0]["adversary"].weight = nn.Parameter(torch.ones(2, 2))  # shared on purpose
    before = copy.deepcopy(bits(ours))
    save_state(tmp_path / "state", *ours, {})
    assert all(torch.equal(value, before[key]) for key, value in bits(ours).items())
    assert set(load_file(tmp_path / "state")) >= {"model/weight", "adversary/weight"}


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "text", "no record"])
def test_a_damaged_state_is_refused_in_one_line(tmp_path: Path, damage: str) -> None:
    path, ours = tmp_path / "state.safetensors", parts(0)
    save_state(path, *ours, {"epoch": 1})
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "no record":
        save_weights(path, ours[0]["model"])
    else:
        path.write_bytes({"empty": b"", "truncated": whole[:-5], "text": b"not a state of anything"}[damage])
    for read in (lambda: load_state(path, *parts(1)), lambda: read_record(path)):
        with pytest.raises(DataError, match=r"state.safetensors: expected the state of an unfinished run, got [^\n]+$"):
            read()


def test_the_state_of_another_shape_is_refused(tmp_path: Path) -> None:
    save_state(tmp_path / "state", *parts(0), {})
    with pytest.raises(DataError, match=r"expected the state of an unfinished run, got [^\n]+$"):
        load_state(tmp_path / "state", *parts(0, width=5))


def test_a_record_without_a_number_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        save_state(tmp_path / "state", *parts(0), {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


def test_weights_come_back_to_the_last_bit(tmp_path: Path) -> None:
    ours, other = parts(0)[0]["model"], parts(1)[0]["model"]
    save_weights(tmp_path / "w.safetensors", ours)
    load_weights(tmp_path / "w.safetensors", other)
    assert all(torch.equal(ours.state_dict()[key], other.state_dict()[key]) for key in ours.state_dict())


@pytest.mark.parametrize("damage", ["missing", "truncated", "another model"])
def test_damaged_weights_are_refused_in_one_line(tmp_path: Path, damage: str) -> None:
    path, ours = tmp_path / "w.safetensors", parts(0)[0]["model"]
    if damage != "missing":
        save_weights(path, nn.Linear(9, 9) if damage == "another model" else ours)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"w.safetensors: expected weights of this model, got [^\n]+$"):
        load_weights(path, ours)


def test_a_full_disk_leaves_the_earlier_state_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, ours = tmp_path / "state.safetensors", parts(0)
    save_state(path, *ours, {"epoch": 1})
    kept = path.read_bytes()

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])  # half of it fits
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match=r"^no space left on the disk while writing .*state.safetensors;") as caught:
        save_state(path, *ours, {"epoch": 2})
    assert caught.value.exit_code == 4
    with pytest.raises(StorageError, match="no space left"):
        save_weights(tmp_path / "w.safetensors", ours[0]["model"])
    assert [file.name for file in tmp_path.iterdir()] == ["state.safetensors"]
    assert path.read_bytes() == kept
    assert read_record(path) == {"epoch": 1}
