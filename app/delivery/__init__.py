"""Delivery reports on their way to the user's systems. Knows neither rules nor SQL."""
