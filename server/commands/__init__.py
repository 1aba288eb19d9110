"""What each command of the command line does, a file each: `run(options)` returns the exit code."""
