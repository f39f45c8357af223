"""Signing in and out, the people one books for, what is held about them, their invitations."""
