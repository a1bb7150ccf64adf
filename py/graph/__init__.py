"""The graph's memory, by content: what each stage was made from and what it made.

Standard library only: it runs before there is a .venv.
"""
