"""The data set of a run: found or built, and fed to it."""
