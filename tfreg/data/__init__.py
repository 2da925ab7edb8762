"""Corpora: reading, checking, splitting; then words to pieces, pieces to batches."""
