"""How a command line is read, helped, begun and ended, whichever command it names."""
