"""The network: what goes over the wire, to whom, how patiently, and what of it is kept."""
