"""What an audit says beyond selection: outcomes, calibration, scores, thresholds, labels, and metrics for fairlearn."""

from fairhire.auditing.metrics.calibration import CalibrationTable, calibration_table
from fairhire.auditing.metrics.distances import ScoreTable, score_table
from fairhire.auditing.metrics.frame import (
    METRICS,
    equal_opportunity_difference,
    equalized_odds_difference,
    impact_ratio,
    known_rows,
    metric_frame,
    predictive_parity_difference,
    selection_rate,
)
from fairhire.auditing.metrics.gaps import GapTable, gap_table
from fairhire.auditing.metrics.labels import LabelTable, label_table
from fairhire.auditing.metrics.outcomes import OutcomeTable, outcome_table
from fairhire.auditing.metrics.scoring import Scoring, scoring
from fairhire.auditing.metrics.thresholds import ThresholdTable, threshold_table

__all__ = [
    "METRICS",
    "CalibrationTable",
    "GapTable",
    "LabelTable",
    "OutcomeTable",
    "ScoreTable",
    "Scoring",
    "ThresholdTable",
    "calibration_table",
    "equal_opportunity_difference",
    "equalized_odds_difference",
    "gap_table",
    "impact_ratio",
    "known_rows",
    "label_table",
    "metric_frame",
    "outcome_table",
    "predictive_parity_difference",
    "score_table",
    "scoring",
    "selection_rate",
    "threshold_table",
]
