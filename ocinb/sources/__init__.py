"""Where images come from: one protocol, and behind it a registry."""
