"""Prints every document of the YAML files given as one JSON list; with a version of Kubernetes first, checks those that it has a schema for."""
import json
import sys

import kubernetes_validate
import yaml

versions = sys.argv[1].split(",")
found = []
for path in sys.argv[2:]:
    with open(path, encoding="utf8") as file:
        for document in yaml.safe_load_all(file):
            problems = []
            if document.get("kind", "Kustomization") != "Kustomization" and "/cuda/" not in path:
                for version in versions:
                    try:
                        kubernetes_validate.validate(document, version, strict=True)
                    except kubernetes_validate.ValidationError as error:
                        problems.append(f"{version}: {error.message}")
            found.append({"file": path, "document": document, "problems": problems})
json.dump(found, sys.stdout)
