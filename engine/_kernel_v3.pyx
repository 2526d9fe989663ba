# The kernel again, compiled for x86-64-v3; setup.py holds the flags.
include "_kernel.pyx"
