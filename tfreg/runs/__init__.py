"""The run folder: what a fit leaves behind, written and read."""

from tfreg._outcome import Outcome
from tfreg.runs.fit import fit_run
from tfreg.runs.folder import check_out, new_folder
from tfreg.runs.run import Run, read_run, write_run
from tfreg.runs.scoring import score

__all__ = [
    "Outcome",
    "Run",
    "check_out",
    "fit_run",
    "new_folder",
    "read_run",
    "score",
    "write_run",
]
