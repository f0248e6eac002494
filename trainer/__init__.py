"""Trains a convolutional network on image classification data in IDX files."""
