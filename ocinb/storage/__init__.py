"""What is kept on this machine: by digest in an OCI image layout, by name in requests-cache.

From the ground up:

- `files`, `plain`, `locks`, `room`: how files are written, read, shared and fitted in, whoever made the folder;
- `blobs`, `parts`, `claims`: content that is whole, content that is on its way, and who brings it;
- `index`, `register`, `naming`: the names in ``index.json``, and how they change when something is pulled;
- `needs`: what an image consists of; `layout`: blobs and names together, which is what the rest works on;
- `shelves`, `survey`, `selection`: what stands there, what each image needs, which images people mean;
- `checking`, `pending`, `removal`, `inventory`, `pruning`: what `ocinb.store` does with it;
- `tables`: what was read of layers, so that it is read once; `seals`: whether a file is as a library wrote it;
- `responses`, `keys`, `answers`: what was asked by name; `asking`: which registries want to know who asks;
  `signed`: documents whose digest leaves their signatures out.
"""
