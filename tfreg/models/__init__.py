"""The task models."""

from tfreg.models.fisher import estimate_fisher
from tfreg.models.loading import load_model
from tfreg.models.text_classifier import TextClassifier
from tfreg.models.text_regressor import TextRegressor
from tfreg.models.token_tagger import TokenTagger

__all__ = [
    "TextClassifier",
    "TextRegressor",
    "TokenTagger",
    "estimate_fisher",
    "load_model",
]
