"""Where a run computes: the device, the backend, the cores and the processes."""
