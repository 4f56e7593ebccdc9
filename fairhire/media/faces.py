"""Turns pictures of faces into short vectors, so that a model can be taught not to know the face.

A face encoder learns (:class:`Eigenfaces`) or loads (:class:`Facenet`) something once and hands over a frozen record
that embeds crops. The vectors are biometric data: a training target of the indirect adversary, never an input of a
model that is deployed. Two encoders are offered:

- ``eigenfaces`` needs no download: principal components of the crops themselves. It knows a face about as well as
  its pixels do (hair, skin, light, glasses), which is what a model can see of it, too.
- ``facenet`` is a face-recognition network (InceptionResnetV1, trained on VGGFace2), whose weights are a file that
  the user fetches; its size and SHA-256 are checked before a byte of it is interpreted.

Before a face can be embedded it must be found: :class:`FaceDetector` is MTCNN (facenet-pytorch's), whose weights come
with the package.

Importing this module imports neither torch nor facenet-pytorch (its only home is this file) nor SciPy: they are
imported where they are used, because `import fairhire.media` must stay quick and eigenfaces work without torch.
Letters used for shapes: N crops, F frames of one person, h and w height and width of a crop in pixels, s its side
after resizing, D = 3 s² pixel values, d width of an embedding.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fairhire.atomic import new_file
from fairhire.errors import DataError, UsageError, VerificationError
from fairhire.estimate import Undefined

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "VGGFACE2",
    "CropEmbeddings",
    "DetectedFaces",
    "Eigenfaces",
    "FaceDetector",
    "FaceEncoder",
    "Facenet",
    "FittedEigenfaces",
    "FittedFaceEncoder",
    "LoadedFacenet",
    "PersonEmbedding",
    "PinnedWeights",
    "contrast_pixels",
    "embed_crops",
    "person_embedding",
]

_MIN_CONTRAST = 1.0
"""Grey levels of 255: a crop whose pixels deviate less from their own mean shows no face."""


class FittedFaceEncoder(Protocol):
    """What was learned or loaded: turns crops into vectors, and nothing else."""

    @property
    def width(self) -> int:
        """The width d of an embedding."""

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed ``crops`` (N, h, w, 3) uint8 RGB as (N, d) float32, every row of length 1.

        A crop without contrast shows no face; its row is zero. Raises :class:`DataError` for anything but such crops.
        """

    def describe(self) -> dict[str, str | int | float]:
        """Say what this is, for the provenance of what it makes."""


class FaceEncoder(Protocol):
    """What can become a :class:`FittedFaceEncoder`."""

    @property
    def side(self) -> int:
        """Height and width, in pixels, to which every crop is resized."""

    def fit(self, crops: NDArray[np.uint8]) -> FittedFaceEncoder:
        """Learn what there is to learn from ``crops`` (N, h, w, 3) uint8 RGB, aligned faces of many people."""


# ------------------------------------------------------------------------------------------------------- eigenfaces

_PREPARATION = "rgb-contrast-oval-1"
"""The name of what :func:`_prepare` does; a saved record is refused by a version that prepares crops otherwise."""

_CONTRAST_FLOOR = 4.0
"""Grey levels added to a crop's own deviation, so that the noise of a dark or flat crop is not blown up."""

_BLOCK = 512
"""Crops prepared at a time: 6 MiB of float32 at the default side."""

_SAME = 1e-9
"""Variance, as a share of the first component's, below which a direction is rounding, not faces."""


@dataclass(frozen=True)
class Eigenfaces:
    """Principal components of aligned face crops (Turk and Pentland, 1991): a face encoder that needs no download.

    A crop is resized to ``side`` × ``side`` pixels, brought to mean 0 and deviation 1 over all pixels and colours, so
    that the camera's exposure does not count and colour does, and faded out beyond an oval, so that the room counts
    less. ``components`` is the width d asked for; fewer crops, or crops that differ in fewer ways, give fewer, and the
    record says both numbers. Each coordinate is divided by (its deviation) ** ``whitening``: 0 leaves it, 1 makes all
    equally large.

    All defaults are ours, from a trial on 2,000 crops of First Impressions V2: gender AUC .93 for a linear probe split
    by source video, and the nearest of the 1,999 other crops is the same person for 66 % of the 989 that have a
    second one. Full whitening gives .93 and 62 %. Half is the default because an adversary reduces its target to the
    first components again (papers 2.3), and of fully whitened ones that keeps an arbitrary part: from 32 of 128, the
    AUC of African-American against others falls from .91 to .78, with half whitening to .91.

    Raises :class:`UsageError` for a setting that cannot be used.
    """

    components: int = 128
    side: int = 32
    whitening: float = 0.5

    def __post_init__(self) -> None:
        if self.components < 1:
            raise UsageError(f"eigenfaces, components: expected 1 or more, got {self.components}")
        if not 8 <= self.side <= 128:
            raise UsageError(f"eigenfaces, side: expected 8 to 128 pixels, got {self.side}")
        if not 0 <= self.whitening <= 1:
            raise UsageError(f"eigenfaces, whitening: expected a number from 0 to 1, got {self.whitening}")

    def fit(self, crops: NDArray[np.uint8]) -> FittedEigenfaces:
        """Find the components of ``crops`` (N, h, w, 3) uint8 RGB, exactly and always the same way.

        Crops without contrast are left out. Takes seconds for thousands of crops. No label is read; whoever needs an
        encoder that has not seen the faces of the test people gives only the others. Raises :class:`DataError` where
        fewer than two crops, or only copies of one, are left.
        """
        from scipy.linalg import eigh  # slow to import

        _check_crops(crops)
        seen = crops[_contrast(crops) >= _MIN_CONTRAST]
        n = len(seen)
        if n < 2:
            raise DataError(f"eigenfaces: expected at least 2 crops that show something, got {n} of {len(crops)}")
        width = 3 * self.side**2
        mean = sum(block.sum(axis=0) for block in self._blocks(seen)) / n
        if n <= width:
            # The components of few crops follow from their products with each other (n, n).
            centred = np.concatenate([block - mean for block in self._blocks(seen)])
            variances, left = eigh(centred @ centred.T / n, subset_by_index=self._last(n))
            keep = self._order(variances, crops=n)
            components = left[:, keep].T @ centred
            components /= np.linalg.norm(components, axis=1, keepdims=True)
        else:
            covariance = np.zeros((width, width))
            for block in self._blocks(seen):
                covariance += (block - mean).T @ (block - mean) / n
            variances, right = eigh(covariance, subset_by_index=self._last(width))
            keep = self._order(variances, crops=n)
            components = right[:, keep].T
        # The sign of a component is nobody's: the largest entry is made positive, so that every fit agrees.
        largest = np.abs(components).argmax(axis=1)
        components *= np.sign(components[np.arange(len(components)), largest])[:, None]
        return FittedEigenfaces(
            mean=mean.astype(np.float32),
            components=components.astype(np.float32),
            scales=np.sqrt(variances[keep]).astype(np.float32),
            whitening=float(self.whitening),
            side=self.side,
            asked=self.components,
            crops=n,
        )

    def _blocks(self, crops: NDArray[np.uint8]) -> Iterator[NDArray[np.float64]]:
        for start in range(0, len(crops), _BLOCK):
            yield _prepare(crops[start : start + _BLOCK], side=self.side).astype(np.float64)

    def _last(self, size: int) -> tuple[int, int]:
        return max(0, size - self.components), size - 1

    def _order(self, variances: NDArray[np.float64], *, crops: int) -> NDArray[np.intp]:
        """Return the columns to keep, the largest variance first, without those that hold rounding only."""
        order = np.argsort(-variances, kind="stable")[: crops - 1]
        if variances[order[0]] <= _SAME:  # a prepared pixel has variance about 1, so this is an absolute nothing
            raise DataError(f"eigenfaces: expected crops that differ from each other, got {crops} of the same picture")
        kept: NDArray[np.intp] = order[variances[order] > _SAME * variances[order[0]]]
        return kept


@dataclass(frozen=True, eq=False)
class FittedEigenfaces:
    """What :class:`Eigenfaces` found; it embeds crops, and can be saved.

    ``mean`` (D,), ``components`` (d, D), orthonormal rows, and ``scales`` (d,), the deviation along each, are
    float32. ``whitening`` and ``side`` are those of the fit, ``asked`` is the d that was asked for, ``crops`` the
    number of crops it was fitted on. The components are made of people's faces, and of few people they show them: a
    saved record belongs to the biometrics and is deleted with them. Raises :class:`DataError` for fields that
    contradict each other.
    """

    mean: NDArray[np.float32]
    components: NDArray[np.float32]
    scales: NDArray[np.float32]
    whitening: float
    side: int
    asked: int
    crops: int

    def __post_init__(self) -> None:
        d, pixels = len(self.scales), 3 * self.side**2
        for name, shape in (("mean", (pixels,)), ("components", (d, pixels)), ("scales", (d,))):
            value = getattr(self, name)
            if value.shape != shape or value.dtype != np.float32:
                raise DataError(f"eigenfaces, {name}: expected {shape} float32, got {value.shape} {value.dtype}")
            if not np.isfinite(value).all():
                raise DataError(f"eigenfaces, {name}: expected finite numbers, got NaN or infinity")
        if d == 0 or not (self.scales > 0).all():
            raise DataError(f"eigenfaces, scales: expected at least one, all above 0, got {d}")
        if not 0 <= self.whitening <= 1:
            raise DataError(f"eigenfaces, whitening: expected a number from 0 to 1, got {self.whitening}")

    @property
    def width(self) -> int:
        """The width d of an embedding; smaller than ``asked`` where the crops did not hold more."""
        return len(self.scales)

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed ``crops``; see :meth:`FittedFaceEncoder.embed`."""
        _check_crops(crops)
        vectors = np.zeros((len(crops), self.width), dtype=np.float32)
        for start in range(0, len(crops), _BLOCK):
            pixels = _prepare(crops[start : start + _BLOCK], side=self.side)
            vectors[start : start + _BLOCK] = (pixels - self.mean) @ self.components.T
        return _unit(vectors / self.scales**self.whitening, seen=_contrast(crops) >= _MIN_CONTRAST)

    def describe(self) -> dict[str, str | int | float]:
        """Say what this is, for the provenance of what it makes."""
        return {
            "encoder": "eigenfaces",
            "width": self.width,
            "asked": self.asked,
            "whitening": self.whitening,
            "side": self.side,
            "crops": self.crops,
            "preparation": _PREPARATION,
        }

    def save(self, path: Path) -> None:
        """Write the record to ``path`` (safetensors), atomically."""
        from safetensors.numpy import save

        arrays = {"mean": self.mean, "components": self.components, "scales": self.scales}
        content = save(arrays, metadata={key: str(value) for key, value in self.describe().items()})
        with new_file(path) as temporary:
            temporary.write_bytes(content)

    @classmethod
    def load(cls, path: Path) -> FittedEigenfaces:
        """Read a record that :meth:`save` wrote; raises :class:`DataError` for any other file."""
        from safetensors import SafetensorError, safe_open

        if not path.is_file():
            raise DataError(f"{path}: expected eigenfaces in a safetensors file, found no such file")
        try:
            with safe_open(path, framework="numpy") as file:
                said = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in ("mean", "components", "scales")}
            if (said.get("encoder"), said.get("preparation")) != ("eigenfaces", _PREPARATION):
                raise DataError(f"{path}: expected eigenfaces prepared as {_PREPARATION!r}, got {said}")
            return cls(
                **arrays,
                whitening=float(said["whitening"]),
                side=int(said["side"]),
                asked=int(said["asked"]),
                crops=int(said["crops"]),
            )
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            raise DataError(f"{path}: expected saved eigenfaces, got {_one_line(error)}") from error


def _prepare(crops: NDArray[np.uint8], *, side: int) -> NDArray[np.float32]:
    """Return the crops (N, h, w, 3) as rows (N, D) of comparable pixels: resized, of one contrast, oval."""
    pixels = _resize(crops, side=side).astype(np.float32)
    oval = _oval(side)
    weight = 3 * oval.sum()
    pixels -= (pixels * oval).sum(axis=(1, 2, 3), keepdims=True) / weight
    deviation = np.sqrt((pixels**2 * oval).sum(axis=(1, 2, 3), keepdims=True) / weight)
    return np.asarray(pixels / (deviation + _CONTRAST_FLOOR) * oval).reshape(len(crops), -1)


def contrast_pixels(crops: NDArray[np.uint8], *, side: int = 32) -> NDArray[np.float32]:
    """Return crops (N, h, w, 3) as rows (N, 3 side²) of length 1: what :class:`Eigenfaces` sees of them.

    The product of two rows is the correlation of two crops, whatever their exposure. A crop without contrast is zero.
    """
    _check_crops(crops)
    return _unit(_prepare(crops, side=side), seen=_contrast(crops) >= _MIN_CONTRAST)


def _oval(side: int) -> NDArray[np.float32]:
    """Weights (s, s, 1): 1 on an upright oval that an aligned face fills, fading to 0 in the corners."""
    centre = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1
    radius = np.hypot(centre[None, :] / 0.9, centre[:, None] / 1.1)
    return np.asarray(np.clip((1.15 - radius) / 0.3, 0, 1), dtype=np.float32)[..., None]


# ---------------------------------------------------------------------------------------------------------- facenet


@dataclass(frozen=True)
class PinnedWeights:
    """A file of weights that is known exactly: its name, where it is published, its size in bytes, its SHA-256."""

    name: str
    url: str
    size: int
    sha256: str


VGGFACE2 = PinnedWeights(
    name="20180402-114759-vggface2.pt",
    url="https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180402-114759-vggface2.pt",
    size=111_898_327,
    sha256="281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
)
"""The weights that facenet-pytorch publishes.

The publisher gives no checksum. This one is what several independent public projects pin for this address, one of them
in an image that downloads the file and checks it, and what a public mirror's large-file pointer states, together with
the size; we have not fetched the file ourselves. VGGFace2's own terms of use apply to them.
"""


def _inception_resnet() -> nn.Module:
    # The package adds a filter to the process's warnings on import; that is undone here.
    with warnings.catch_warnings():
        from facenet_pytorch import InceptionResnetV1

    # pretrained=None: the package would download unchecked weights, and unpickle them.
    network: nn.Module = InceptionResnetV1(pretrained=None, classify=False)
    return network


@dataclass(frozen=True)
class Facenet:
    """A face-recognition network of 512 outputs (facenet-pytorch's InceptionResnetV1), loaded from checked weights.

    ``weights`` is the file; None looks for ``pinned.name`` in the folder ``FAIRHIRE_CACHE`` names, else in the
    platform's cache folder for ``fairhire`` (Linux: ``~/.cache/fairhire``). Nothing is ever downloaded. ``network``
    builds the network whose entries the file must hold; the file's classifier (``logits.*``) is not used. ``device``
    is torch's name of where it computes, ``batch`` the number of crops at a time. Raises :class:`UsageError` for a
    setting that cannot be used.
    """

    weights: Path | None = None
    pinned: PinnedWeights = VGGFACE2
    network: Callable[[], nn.Module] = _inception_resnet
    side: int = 160
    device: str = "cpu"
    batch: int = 32

    def __post_init__(self) -> None:
        if self.batch < 1 or self.side < 1:
            raise UsageError(f"facenet: expected a batch and a side of 1 or more, got {self.batch} and {self.side}")

    def fit(self, crops: NDArray[np.uint8]) -> LoadedFacenet:
        """Load the network; ``crops`` are checked and not used, since it has learned already.

        Raises :class:`UsageError` where the file of weights is absent (the message says what to fetch and where to
        put it), :class:`VerificationError` where it is not the pinned one, and :class:`DataError` where it does not
        hold this network. The file is read only after its size was right, interpreted only after its SHA-256 was,
        and only tensors are taken from it: code in it is refused, not run.
        """
        import torch

        _check_crops(crops)
        path = self.weights or _cache_folder() / self.pinned.name
        content = _read_pinned(path, self.pinned)
        # On "meta" the network has shapes and no numbers: nothing is drawn, so the training's seed is left alone.
        with torch.device("meta"):
            network = self.network()
        network.load_state_dict(_entries(content, network.state_dict(), path), assign=True)
        try:
            network = network.to(self.device)
        except (RuntimeError, AssertionError) as error:
            raise UsageError(f"facenet, device: cannot use {self.device!r}: {_one_line(error)}") from error
        network = network.requires_grad_(False).eval()
        with torch.inference_mode():
            probe = network(torch.zeros(1, 3, self.side, self.side, device=self.device))
        return LoadedFacenet(
            network=network,
            width=int(probe.shape[1]),
            side=self.side,
            device=self.device,
            batch=self.batch,
            sha256=self.pinned.sha256,
        )


@dataclass(frozen=True, eq=False)
class LoadedFacenet:
    """A frozen face-recognition network; ``sha256`` is that of the weights it was loaded from."""

    network: nn.Module
    width: int
    side: int
    device: str
    batch: int
    sha256: str

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed ``crops``; see :meth:`FittedFaceEncoder.embed`."""
        import torch

        _check_crops(crops)
        vectors = np.zeros((len(crops), self.width), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(crops), self.batch):
                pixels = torch.tensor(_resize(crops[start : start + self.batch], side=self.side))
                # The standardisation the weights were trained with: facenet-pytorch's fixed_image_standardization.
                batch = (pixels.to(self.device).permute(0, 3, 1, 2).float() - 127.5) / 128.0
                vectors[start : start + self.batch] = self.network(batch).float().cpu().numpy()
        return _unit(vectors, seen=_contrast(crops) >= _MIN_CONTRAST)

    def describe(self) -> dict[str, str | int | float]:
        """Say what this is, for the provenance of what it makes."""
        return {"encoder": "facenet", "width": self.width, "side": self.side, "weights_sha256": self.sha256}


def _cache_folder() -> Path:
    """Return where fetched files are looked for: ``FAIRHIRE_CACHE``, else the platform's cache folder."""
    if named := os.environ.get("FAIRHIRE_CACHE"):
        return Path(named)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "fairhire"
    variable, default = ("LOCALAPPDATA", "AppData/Local") if sys.platform == "win32" else ("XDG_CACHE_HOME", ".cache")
    return Path(os.environ.get(variable) or Path.home() / default) / "fairhire"


def _read_pinned(path: Path, pinned: PinnedWeights) -> bytes:
    """Return the file's content once it is known to be the pinned one; what was checked is what will be used."""
    if not path.is_file():
        raise UsageError(
            f"facenet: expected the weights at {path}, found no file; fetch {pinned.url} ({pinned.size} bytes, SHA-256 "
            f"{pinned.sha256}) and put it there, or use 'eigenfaces', which needs no download"
        )
    try:
        if (size := path.stat().st_size) != pinned.size:
            raise VerificationError(
                f"{path}: expected {pinned.name} of {pinned.size} bytes, got {size} (a broken download?)"
            )
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot read the facenet weights: {error.strerror}") from error
    if (found := hashlib.sha256(content).hexdigest()) != pinned.sha256:
        raise VerificationError(f"{path}: expected {pinned.name} with SHA-256 {pinned.sha256}, got {found}")
    return content


def _entries(content: bytes, expected: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return the tensors that ``expected`` names, read without running anything, each of the expected type."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of oddities in a file before it refuses the file
            found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        # Damaged bytes make torch fail in any of a dozen ways, assertions of its own among them. Its message for code
        # in the file advises how to run it; ours does not pass that on.
        what = f"something that cannot be read without running it, or is damaged ({type(error).__name__})"
        raise DataError(f"{path}: expected tensors and nothing else, got {what}") from error
    if not isinstance(found, Mapping) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise DataError(f"{path}: expected a mapping from names to tensors, got {type(found).__name__}")
    entries = {name: value for name, value in found.items() if not str(name).startswith("logits.")}
    for name in sorted(expected.keys() ^ entries.keys(), key=str):
        wrong = "lacks" if name in expected else "has the unknown"
        raise DataError(f"{path}: expected the {len(expected)} entries of the network, but the file {wrong} {name!r}")
    for name, value in expected.items():
        if entries[name].shape != value.shape:
            shapes = f"expected {tuple(value.shape)}, got {tuple(entries[name].shape)}"
            raise DataError(f"{path}, {name}: {shapes}")
        if not torch.isfinite(entries[name]).all():
            raise DataError(f"{path}, {name}: expected finite numbers, got NaN or infinity")
    return {name: entries[name].to(value.dtype) for name, value in expected.items()}


# -------------------------------------------------------------------------------------------------------- detection


@dataclass(frozen=True, eq=False)
class DetectedFaces:
    """The F faces of one picture, in its pixels.

    ``boxes`` (F, 4) float32 are left, top, right, bottom; ``points`` (F, 5, 2) float32 the eyes, the nose and the
    corners of the mouth, x and y, the picture's left one first; ``probability`` (F,) float32 how sure the detector is.
    """

    boxes: NDArray[np.float32]
    points: NDArray[np.float32]
    probability: NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number F of faces."""
        return len(self.boxes)


@dataclass
class FaceDetector:
    """Finds faces in pictures: MTCNN (Zhang et al. 2016), as facenet-pytorch ships it.

    ``smallest`` is the shortest side, as a share of the picture's longer one, of a face that is looked for: somebody in
    an interview is larger, and looking for smaller ones is what takes the time. ``surest`` is the least probability.
    """

    smallest: float = 1 / 12
    surest: float = 0.9
    device: str = "cpu"

    def __post_init__(self) -> None:
        if not 0 < self.smallest <= 1 or not 0 < self.surest < 1:
            raise UsageError(
                f"face detector: expected smallest and surest between 0 and 1, got {self.smallest} and {self.surest}"
            )
        self._networks: dict[int, Any] = {}

    def detect(self, pictures: Sequence[NDArray[np.uint8]]) -> list[DetectedFaces]:
        """Return the faces of each of ``pictures`` (h, w, 3) uint8 RGB; those of one size are looked at together.

        Raises :class:`DataError` for anything but such pictures.
        """
        import torch

        found: list[DetectedFaces | None] = [None] * len(pictures)
        sizes: dict[tuple[int, ...], list[int]] = {}
        for place, picture in enumerate(pictures):
            _check_crops(picture[None])
            sizes.setdefault(picture.shape[:2], []).append(place)
        for shape, places in sizes.items():
            smallest = max(12, round(self.smallest * max(shape)))
            if min(shape) <= smallest:  # MTCNN would fail: not one of its windows fits into the picture
                for place in places:
                    found[place] = _detected(None, None, None, self.surest)
                continue
            network = self._network(smallest)
            with torch.inference_mode():
                # The shape MTCNN asks for, with each colour apart in memory: that is made smaller in half the time.
                planes = torch.from_numpy(np.stack([pictures[place].transpose(2, 0, 1) for place in places]))
                boxes, probability, points = network.detect(planes.permute(0, 2, 3, 1), landmarks=True)
            for row, place in enumerate(places):
                found[place] = _detected(boxes[row], probability[row], points[row], self.surest)
        return [one for one in found if one is not None]

    def describe(self) -> dict[str, str | float]:
        """Say what this is, for the provenance of what it makes."""
        version = importlib.metadata.version("facenet-pytorch")
        return {
            "detector": "mtcnn",
            "facenet-pytorch": version,
            "smallest": round(self.smallest, 4),
            "surest": self.surest,
        }

    def _network(self, smallest: int) -> Any:
        if smallest not in self._networks:
            import torch
            from torch import nn

            with warnings.catch_warnings():  # the package adds a filter to the process's own
                from facenet_pytorch import MTCNN

            with torch.random.fork_rng(devices=()):  # weights are drawn before they are read: the seed is left alone
                network = MTCNN(keep_all=True, min_face_size=smallest, device=self.device)
            pools: list[Any] = [one for one in network.modules() if isinstance(one, nn.MaxPool2d)]
            for pool in pools:
                pool.forward = partial(_pooled, pool.kernel_size)
            self._networks[smallest] = network
        return self._networks[smallest]


def _pooled(side: int, values: Tensor) -> Tensor:
    """Return what MTCNN's max pooling gives of ``values`` (N, C, h, w): windows of ``side``, every 2, the edge too.

    torch's own also looks for the place of each maximum, which took a quarter of the time of finding faces.
    """
    import torch

    height, width = (1 - (side - size) // 2 for size in values.shape[2:])
    over = (0, 2 * (width - 1) + side - values.shape[3], 0, 2 * (height - 1) + side - values.shape[2])
    padded = torch.nn.functional.pad(values, over, value=-math.inf)
    rows = reduce(torch.maximum, (padded[:, :, first : first + 2 * height - 1 : 2] for first in range(side)))
    return reduce(torch.maximum, (rows[..., first : first + 2 * width - 1 : 2] for first in range(side)))


def _detected(boxes: Any, probability: Any, points: Any, surest: float) -> DetectedFaces:
    """Return what MTCNN says of one picture (None where it found nothing) as arrays, sure and finite faces only."""
    if boxes is None:
        return DetectedFaces(np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, np.float32))
    box, point = np.asarray(boxes, np.float32).reshape(-1, 4), np.asarray(points, np.float32).reshape(-1, 5, 2)
    sure = np.asarray(probability, np.float32).reshape(-1)
    keep = (sure >= surest) & np.isfinite(box).all(axis=1) & np.isfinite(point).all(axis=(1, 2))
    keep &= (box[:, 2] - box[:, 0] >= 1) & (box[:, 3] - box[:, 1] >= 1)
    return DetectedFaces(box[keep], point[keep], sure[keep])


# -------------------------------------------------------------------------------------------------- crops, persons


@dataclass(frozen=True, eq=False)
class CropEmbeddings:
    """The embeddings of named crops.

    ``names`` are the crops' (N), ``vectors`` (N, d) float32 their embeddings, ``encoder`` what made them. Crops that
    show no face are not among them: ``blank`` names those.
    """

    names: tuple[str, ...]
    vectors: NDArray[np.float32]
    encoder: FittedFaceEncoder
    blank: tuple[str, ...]


def embed_crops(crops: Iterable[tuple[str, NDArray[np.uint8]]], encoder: FaceEncoder) -> CropEmbeddings:
    """Fit ``encoder`` to all ``crops``, pairs of name and pixels (h, w, 3) of any size, and embed them.

    Crops are kept no larger than the encoder wants them. Raises :class:`DataError` where there are none, and what
    the encoder's ``fit`` raises.
    """
    names: list[str] = []
    kept: list[NDArray[np.uint8]] = []
    for name, pixels in crops:
        _check_crops(pixels[None])
        names.append(name)
        kept.append(_resize(pixels[None], side=encoder.side)[0] if min(pixels.shape[:2]) > encoder.side else pixels)
    if not kept:
        raise DataError("face crops: expected at least one, got none")
    if len({pixels.shape for pixels in kept}) > 1:
        kept = [_resize(pixels[None], side=encoder.side)[0] for pixels in kept]
    stacked = np.stack(kept)
    fitted = encoder.fit(stacked)
    vectors = fitted.embed(stacked)
    seen: NDArray[np.bool_] = np.linalg.norm(vectors, axis=1) > 0
    return CropEmbeddings(
        names=tuple(name for name, face in zip(names, seen, strict=True) if face),
        vectors=vectors[seen],
        encoder=fitted,
        blank=tuple(name for name, face in zip(names, seen, strict=True) if not face),
    )


@dataclass(frozen=True, eq=False)
class PersonEmbedding:
    """One face out of several frames.

    ``vector`` (d,) float32 has length 1. ``frames`` is the number of frames that showed a face, ``agreement`` the mean
    cosine between two of them, from -1 to 1, undefined for a single one: frames of one person agree, and a low value
    says that the frames show several people, or no face.
    """

    vector: NDArray[np.float32]
    frames: int
    agreement: float | Undefined


def person_embedding(embeddings: NDArray[np.float32]) -> PersonEmbedding | None:
    """Return the direction of the mean of a person's frame embeddings (F, d), each first brought to length 1.

    The mean of L2-normalised vectors of a few frames is papers section 2.3 (there marked a default of ours). Rows of
    zeros show no face and are left out; None is returned where none is left, or where the frames cancel out. Raises
    :class:`DataError` for another shape, NaN or infinity.
    """
    if embeddings.ndim != 2:
        raise DataError(f"a person's face embeddings: expected (frames, width), got shape {embeddings.shape}")
    if not np.isfinite(embeddings).all():
        raise DataError("a person's face embeddings: expected finite numbers, got NaN or infinity")
    wide = embeddings.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    faces = wide[lengths[:, 0] > 0] / lengths[lengths[:, 0] > 0]
    n = len(faces)
    total = faces.sum(axis=0)
    length = float(np.linalg.norm(total))
    if length <= 1e-6 * n:
        return None
    # |sum of units|² = n + the sum of all cosines between two different ones.
    vector = (total / length).astype(np.float32)
    if n == 1:
        return PersonEmbedding(vector, frames=1, agreement=Undefined("one frame has none to agree with", n=1))
    return PersonEmbedding(vector, frames=n, agreement=min(1.0, (length**2 - n) / (n * (n - 1))))


def _check_crops(crops: NDArray[np.uint8]) -> None:
    if crops.ndim != 4 or crops.shape[3] != 3 or 0 in crops.shape[1:]:
        raise DataError(f"face crops: expected shape (crops, height, width, 3), got {crops.shape}")
    if crops.dtype != np.uint8:
        raise DataError(f"face crops: expected uint8 from 0 to 255, got {crops.dtype}")


def _contrast(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the deviation of each crop's pixels from their own mean, in grey levels (N,)."""
    return np.array([crop.std(dtype=np.float64) for crop in crops])


def _resize(crops: NDArray[np.uint8], *, side: int) -> NDArray[np.uint8]:
    """Return the crops as (N, s, s, 3), smoothed on the way down (Pillow's bilinear filter, facenet-pytorch's own)."""
    if crops.shape[1:3] == (side, side):
        return np.ascontiguousarray(crops)
    resized = np.empty((len(crops), side, side, 3), dtype=np.uint8)
    for row, crop in enumerate(crops):
        resized[row] = np.asarray(Image.fromarray(crop).resize((side, side), Image.Resampling.BILINEAR))
    return resized


def _unit(vectors: NDArray[np.float32], *, seen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the rows at length 1; rows that are not ``seen``, and rows of zeros, are zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    keep = seen[:, None] & (lengths > 0)
    unit: NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=keep)
    return unit


def _one_line(error: Exception) -> str:
    lines = str(error).split("\n")
    return f"{type(error).__name__}: {lines[0]}" if lines[0] else type(error).__name__
