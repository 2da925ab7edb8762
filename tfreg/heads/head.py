"""What a recipe's ``head`` may be, other than a name."""

from __future__ import annotations

from typing import Any


class Head:
    """Settings of a head: an immutable description, which a model makes layers from.

    A subclass is registered with Keras and says in `get_config` what its constructor
    takes, so that a recipe with it can be written as JSON.
    """

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as plain JSON values."""
        raise NotImplementedError

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The head whose `get_config` gave this."""
        return cls(**config)
