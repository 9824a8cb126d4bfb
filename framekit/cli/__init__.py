"""Command lines: options and configuration files, and a run with its lock, history, errors and exit code.

Enters: the words of a command line. Leaves: checked values, and an exit code with one closing line.
Owns on disk: lock files in the temporary folder of the system.
"""
