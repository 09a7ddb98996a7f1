"""What can be measured on any series without learned weights. Pure: numbers in, numbers out, no file, no socket."""
