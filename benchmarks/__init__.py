"""Measures this project against its peers, in pairs on the same files."""
