"""What several runs say together: effects with both sources of scatter, verdicts, the leaderboard."""
