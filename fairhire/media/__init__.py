"""From recordings of people to numbers: so far, from face crops to face embeddings."""

from __future__ import annotations

from fairhire.media.faces import Eigenfaces, FaceEncoder, Facenet

__all__ = ["FACE_ENCODERS"]

FACE_ENCODERS: dict[str, type[FaceEncoder]] = {
    "eigenfaces": Eigenfaces,
    "facenet": Facenet,
}
"""Every face encoder by name; each can be made without arguments. A new one is one file and one line here."""
