"""Write all made files anew: `make reference`."""

from generate import files

for file, content in files().items():
    file.write_text(content)
