""" "I have it" from a message: a link for one person and one alert, without a sign-in."""
