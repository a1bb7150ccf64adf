"""Does this machine have what a profile needs? Standard library alone: it runs before anything is installed.

`examine.py` goes through the checks; each module holds those of one topic, and all look at the machine
through `probes.Machine`.
"""
