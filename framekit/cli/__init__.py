"""Command lines: options and configuration files, and a run with its locks, history, errors and exit code.

Enters: the words of a command line. Leaves: checked values, and an exit code with one closing line.
Owns on disk: `.SCRIPT.KIND.ID.lock` in the folders where a script works.
"""
