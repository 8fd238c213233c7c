"""Ratios of our ways against simpler ones, each pair measured in one run; never a timed test."""
