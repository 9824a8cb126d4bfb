"""The pages of the documentation, and what writes their generated parts."""
