"""The room of file systems: from the entries of layers to the files of an image."""
