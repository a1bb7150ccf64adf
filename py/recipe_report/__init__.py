"""What the page of synth_report.py is made of: a survey of the ledger, plots, cards, sections, a template."""
