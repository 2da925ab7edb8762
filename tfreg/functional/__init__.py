"""Pure tensor maths in ``keras.ops``: no layers, no state."""
