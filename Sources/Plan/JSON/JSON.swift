// JSON: x
