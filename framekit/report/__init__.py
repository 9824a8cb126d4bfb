"""One page about a dataset, without scripts: what is there, and what becomes of it.

Enters: a prepared tree. Leaves: an HTML page.
Owns on disk: the page where --report asks for it.
"""
