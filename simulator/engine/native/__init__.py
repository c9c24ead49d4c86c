"""The compiled kernel: a small C file, built on the user's machine at first use and checked against torch."""
