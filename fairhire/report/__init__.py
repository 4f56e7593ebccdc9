"""What people read: pages made of the records that the audit measured; a report never computes."""

from fairhire.report.comparison import render_comparison
from fairhire.report.trial import AdversaryEnd, Epoch, ModelFigures, RatioChange, Trial

__all__ = ["AdversaryEnd", "Epoch", "ModelFigures", "RatioChange", "Trial", "render_comparison"]
