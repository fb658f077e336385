"""What each command does, from its options to a result: here the packages meet. Nothing prints."""
