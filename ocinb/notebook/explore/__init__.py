"""The explorer: one image to look through, its layers as bars, its files as a tree, and what of them is wasted."""
