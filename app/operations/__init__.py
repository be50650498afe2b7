"""Operations: what an operator asks or does, as functions with typed results that commands, API and console show."""
