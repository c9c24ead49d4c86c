"""Reading and writing: command lines, headers, masks, image formats, comparisons."""
