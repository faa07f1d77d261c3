"""The programme's own figures: beside published counts, with and without tocilizumab, by quarter, and as CSV."""
