"""The trace: what went over the wire, as lines and as a window."""
