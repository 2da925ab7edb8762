from __future__ import annotations

import pytest

from tests.backbones import KINDS, tiny
from tfreg.adapt.depth import blocks_above


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "albert"])
def test_every_weight_has_its_depth(kind):
    backbone = tiny(kind)
    depth = blocks_above(backbone)
    assert set(depth) == {weight.path for weight in backbone.weights}
    for path, above in depth.items():
        number = [part for part in path.split("/") if part[-1:].isdigit()]
        if "layer_" in path and number and path.startswith(number[0]):
            assert above == 1 - int(number[0][-1])
        elif path.startswith("pooled_dense"):
            assert above == 0
        else:
            assert above == 2, path


def test_shared_blocks_have_none():
    assert blocks_above(tiny("albert")) is None
