"""HireNet and its ablations: from a batch of interviews to scores, representations and attention."""

from fairhire.model.config import ModelConfig
from fairhire.model.fusion import FUSIONS
from fairhire.model.hirenet import HireNet, HireNetModel
from fairhire.model.output import HireNetOutput
from fairhire.model.storage import MODELS, load_model, new_model, save_model

__all__ = [
    "FUSIONS",
    "MODELS",
    "HireNet",
    "HireNetModel",
    "HireNetOutput",
    "ModelConfig",
    "load_model",
    "new_model",
    "save_model",
]
