"""The chapters: what was gathered, told one question after the other, as data."""
