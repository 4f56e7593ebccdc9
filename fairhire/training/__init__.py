"""Training: where data, model and adversary meet, and what comes out of it."""

from fairhire.training.config import TrainConfig
from fairhire.training.loop import train
from fairhire.training.predict import predict, predict_with_ratings
from fairhire.training.prepare import parts_of

__all__ = ["TrainConfig", "parts_of", "predict", "predict_with_ratings", "train"]
