"""What is kept on this machine: by digest in an OCI image layout, by name in requests-cache."""
