"""The specifications as pure code: names, digests, media types, platforms and documents, without any I/O."""
