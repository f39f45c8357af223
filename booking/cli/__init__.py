"""The `henkham` command, one file a command. Only here do the two halves of the product meet."""
