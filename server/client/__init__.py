"""What commands and the demo share: run a statement somewhere, and show its rows."""
