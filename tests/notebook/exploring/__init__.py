"""What is tested of the explorer's side in the kernel."""
