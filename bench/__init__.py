"""Benchmarks: each prints what it measured, with the peer in the same run where there is one."""
