"""How good a network is, and the pages that show it."""
