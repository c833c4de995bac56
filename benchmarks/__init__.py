"""Races of this project against its peers, measured in one run: `make bench`."""
