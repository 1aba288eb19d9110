"""Running plans: fragments at their sources, the rest in the local engine, within limits."""
