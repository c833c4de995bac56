"""The room of archives: compressed bytes in, the entries of a tar out."""
