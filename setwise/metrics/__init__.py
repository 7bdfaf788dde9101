"""Set-level metrics: how good a set of answers and its confidences are."""
