"""What monitoring asks the database: how old, how many, how long; never whose."""
