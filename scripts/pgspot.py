"""pgspot.py SCRIPT: the install script as pgspot 0.9.4 can read it, to standard output.

- It can't read functions with BEGIN ATOMIC: their bodies are bound while the script runs, under its search_path,
  so they are judged as what they are: statements of the script.
- pgvector and pg_trgm may lie in any schema, so their names can't be qualified (@extschema:vector@ needs PostgreSQL
  16). Each such name gets a schema here, everything else must have its own; 13_vectors.sql looks afterwards whether
  they led to those extensions.
"""

import re
import sys

script = open(sys.argv[1], encoding="utf-8").read()
script = re.sub(r"CREATE FUNCTION(?:(?!;|\bAS\b).)*?BEGIN ATOMIC(.*?)END;", r"\1", script, flags=re.S)
script = re.sub(r"(?<![\w.])(vector_dims|similarity)\(", r"extensions.\1(", script)
script = re.sub(r"::(vector|halfvec)\b", r"::extensions.\1", script)
script = re.sub(r" (<=>|%) (?=query|needle)", r" OPERATOR(extensions.\1) ", script)
sys.stdout.write(script)
