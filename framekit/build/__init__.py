"""A whole build: the commands of its stages, which of them wait for which, processes, and what is done already.

Enters: the tables of a show's configuration. Leaves: processes of the scripts, as a person would start them.
Owns on disk: `.build/` in the dataset's folder, the record of each stage's last run.
"""
