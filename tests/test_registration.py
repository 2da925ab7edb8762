"""Keras knows tfreg's classes once both are imported, whichever way they came."""

from __future__ import annotations

import subprocess
import sys

import pytest

CHECK = (
    "from keras.saving import get_registered_object as known\n"
    "names = ('TextClassifier', 'TokenTagger', 'L2SP', 'AdamW', 'WarmupDecay',\n"
    "         'CrossEntropy', 'CrossEntropyLoss', 'TextPreprocessor',\n"
    "         'BertWordPieceTokenizer', 'Swap', 'Synonyms')\n"
    "missing = [name for name in names if known(f'tfreg>{name}') is None]\n"
    "print('missing:', missing)\n"
)


@pytest.mark.parametrize(
    "imports",
    [
        "import tfreg.adapt.dropout",
        "import tfreg, keras_hub",
        pytest.param("import keras\nimport tfreg", marks=pytest.mark.slow),
        pytest.param("import tfreg\nimport keras", marks=pytest.mark.slow),
        pytest.param("from tfreg.regularizers import L2SP", marks=pytest.mark.slow),
        pytest.param("import tfreg.metrics.accuracy", marks=pytest.mark.slow),
        pytest.param("import tfreg\ntfreg.Recipe", marks=pytest.mark.slow),
    ],
)
def test_registered_after(imports):
    done = subprocess.run(
        [sys.executable, "-c", f"{imports}\n{CHECK}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "missing: []", done.stderr[-2000:]
