"""Training: where data, model and adversary meet, and what comes out of it."""

from fairhire.training.config import TrainConfig
from fairhire.training.loop import train
from fairhire.training.predict import predict

__all__ = ["TrainConfig", "predict", "train"]
