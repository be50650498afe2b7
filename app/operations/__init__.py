"""What an operator asks or does, as functions with typed results; commands, API and console show them."""
