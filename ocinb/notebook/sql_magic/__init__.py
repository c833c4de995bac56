"""Questions in SQL in a cell of their own, with completion."""
