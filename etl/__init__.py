"""Moves catalogues in bulk into and out of AtroCore."""
