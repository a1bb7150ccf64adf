"""What the page of make_report.py is made of: leaderboard and runs read, sections, plots, a template."""
