"""Cells <-> values, column by column: one converter per kind of value, both directions side by side."""
