"""What several tests share. Real parts: Plivo's SDK signs, real processes serve, real sockets receive."""
