"""A recipe: every setting of a fit, frozen, checked, and the same through all doors.

The builders take its fields as keywords, the command line turns each field into an
option, the saved model carries it, and ``recipe.json`` holds it.
"""

from tfreg.recipe.named import NAMED
from tfreg.recipe.recipe import Recipe, check_fields
from tfreg.recipe.short_names import PENALTIES, SHORT_NAMES

__all__ = ["NAMED", "PENALTIES", "Recipe", "SHORT_NAMES", "check_fields"]
