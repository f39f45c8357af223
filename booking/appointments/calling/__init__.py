"""The call list of a facility: whom no message reaches, what came of telephoning. Closings keep their own outcomes."""
