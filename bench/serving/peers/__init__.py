"""What people run today, built from the same weights: installed by `make peers`."""
