"""The networks: their layers, how they are trained, and how they are kept."""
