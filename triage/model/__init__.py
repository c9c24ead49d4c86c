"""Values that the rooms exchange: frozen, validated, no input or output of their own."""
