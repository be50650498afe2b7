"""Write all made files anew: `make reference`."""

from generate import FILES

for file, make in FILES.items():
    file.write_text(make())
