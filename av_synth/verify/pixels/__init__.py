"""Pixels: checks of images and of everything that is said about their pixels."""
