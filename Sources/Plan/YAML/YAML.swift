// YAML: libyaml events to a tree with positions
