"""The direct baseline: it learns a label that shows, only from those who have one, and only from its own argument."""

from __future__ import annotations

import math

import pytest
import torch

from conftest import MakeBatch
from fairhire.adversaries.base import Opponent
from fairhire.adversaries.label import GuessTheLabel, SensitiveLabels
from fairhire.errors import DataError
