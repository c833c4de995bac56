"""The helper functions: one question, one DataFrame."""
