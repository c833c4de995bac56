"""Showing: frames as people read them."""
