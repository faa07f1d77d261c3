"""WHO IS TOLD: alerts, pages, acknowledgements and the channels that carry them."""
