"""Staff: who works here, what each may do, and where."""
