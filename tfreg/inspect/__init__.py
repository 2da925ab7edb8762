"""Looking into a model: what its penalties cost."""

from tfreg.inspect.penalty_report import PenaltyRow, penalty_report

__all__ = ["PenaltyRow", "penalty_report"]
