"""The access desk: requests to payers, their clocks, policy cards, what will be billed, and the letter."""
