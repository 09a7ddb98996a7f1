"""Questions on hand-written reports, with their right answers; scored for the rules."""
