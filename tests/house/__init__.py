"""The laws of the house as tests that read the tree; each failure names the rule and the place."""
