#!/usr/bin/env bash
# Package: openapi-python-client 0.29.1 (PyPI), a generator of typed clients from OpenAPI descriptions.
#
# Valid input: an answer declared as oneOf two objects, with a discriminator on `kind` and a mapping: "card" is the
# first, "transfer" the second. Both have the property `kind`; beside it each has optional ones of its own.
# One would expect: the mapping decides, so {"kind":"transfer"} becomes the second class.
# What happens instead: the discriminator is not read. The classes are tried in the order of oneOf and the first one
# that raises no error is taken: a transfer is returned as a card, its fields among additional_properties. Nothing is
# said when the client is generated or used. With a `const` (or an enum) in each `kind` the first class raises, and
# the right one is taken.
# Why it matters: `isinstance` and type checkers are sure of the wrong class. A description has to state `const`.
set -euo pipefail
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
python3 -m venv "$WORK/venv" && "$WORK/venv/bin/pip" install --quiet --disable-pip-version-check openapi-python-client==0.29.1
cd "$WORK"
describe() { # the schema of `kind` in each class
cat <<JSON
{"openapi":"3.1.0","info":{"title":"$1","version":"1"},"paths":{"/payment":{"get":{"operationId":"find","responses":{"200":
 {"description":"a payment","content":{"application/json":{"schema":{"\$ref":"#/components/schemas/Payment"}}}}}}}},
 "components":{"schemas":{
  "Card":{"type":"object","required":["kind"],"properties":{"kind":$2,"brand":{"type":"string"}}},
  "Transfer":{"type":"object","required":["kind"],"properties":{"kind":$3,"iban":{"type":"string"}}},
  "Payment":{"oneOf":[{"\$ref":"#/components/schemas/Card"},{"\$ref":"#/components/schemas/Transfer"}],
   "discriminator":{"propertyName":"kind","mapping":{"card":"#/components/schemas/Card","transfer":"#/components/schemas/Transfer"}}}}}}
JSON
}
describe plain '{"type":"string"}' '{"type":"string"}' > plain.json
describe fixed '{"type":"string","const":"card"}' '{"type":"string","const":"transfer"}' > fixed.json
for name in plain fixed; do
  venv/bin/openapi-python-client generate --path $name.json --output-path $name > $name.log 2>&1
  if grep -qi discriminator $name.log; then echo 'NOT SEEN: the generator says something of the discriminator'; exit 1; fi
done
cat > run.py <<'PY'
import sys
import httpx

def parsed(name):
    sys.path.insert(0, name)
    module = __import__(f"{name}_client.api.default.find", fromlist=["find"])
    client = __import__(f"{name}_client", fromlist=["Client"]).Client(base_url="http://127.0.0.1")
    answer = httpx.Response(200, json={"kind": "transfer", "iban": "XX00"})
    return module._parse_response(client=client, response=answer)

plain, fixed = parsed("plain"), parsed("fixed")
seen = [(type(value).__name__, getattr(value, "additional_properties", None)) for value in (plain, fixed)]
print("  kind is a string:", *seen[0])
print("  kind is a const: ", *seen[1])
ok = seen == [("Card", {"iban": "XX00"}), ("Transfer", {})]
print("all as stated" if ok else "no longer as stated")
sys.exit(not ok)
PY
venv/bin/python run.py
