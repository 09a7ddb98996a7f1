"""What a narrative in fixed sentences says: boxes, coded findings, certainty, and what several images say together."""
