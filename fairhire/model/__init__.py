"""HireNet and its ablations: from a batch of interviews to scores, representations and attention."""

from fairhire.model.config import FUSED, ModelConfig, answers_of, guard_sites
from fairhire.model.fusion import FUSIONS
from fairhire.model.guard import Guard
from fairhire.model.hirenet import HireNet, HireNetModel
from fairhire.model.output import HireNetOutput
from fairhire.model.ratings import BINARY, CONTINUOUS, RatingHead
from fairhire.model.storage import MODELS, load_model, new_model, save_model

__all__ = [
    "BINARY",
    "CONTINUOUS",
    "FUSED",
    "FUSIONS",
    "MODELS",
    "Guard",
    "HireNet",
    "HireNetModel",
    "HireNetOutput",
    "ModelConfig",
    "RatingHead",
    "answers_of",
    "guard_sites",
    "load_model",
    "new_model",
    "save_model",
]
