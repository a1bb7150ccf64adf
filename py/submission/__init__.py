"""The challenge's submission: its layout and limits, made from a run, and checked wherever it comes from."""
