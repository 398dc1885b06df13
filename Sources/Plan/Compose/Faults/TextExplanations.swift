// Explanations of faults in one text: what YAML is, and what shape a compose file has.

extension FaultKind {
  var textEntry: Entry {
    switch self {
    case .duplicateKey:
      Entry(
        "a key stands twice in one mapping",
        """
        YAML lets a mapping have each key once. Of two equal keys one would be lost without a word, \
        so both places are named. A key that comes by `<<` may be written again: the written one wins.
        """,
        wrong: """
          services:
            web:
              image: nginx
              image: caddy
          """,
        right: """
          services:
            web:
              image: caddy
          """)
    case .keyNotText:
      Entry(
        "a key is a number, a boolean or nothing",
        "Keys of a compose file are texts. What YAML reads as something else must be quoted.",
        wrong: """
          services:
            web:
              image: nginx
              labels:
                8080: main
          """,
        right: """
          services:
            web:
              image: nginx
              labels:
                "8080": main
          """)
    case .alias:
      Entry(
        "an alias has no anchor, or stands in its own",
        """
        `*name` stands for what `&name` marks, further up in the same file. Anchors do not reach \
        into other files.
        """,
        wrong: """
          x-base: &base {restart: always}
          services:
            web: {<<: *bsae, image: nginx}
          """,
        right: """
          x-base: &base {restart: always}
          services:
            web: {<<: *base, image: nginx}
          """)
    case .mergeKey:
      Entry(
        "`<<` is given something that is no mapping",
        "The merge key takes over the keys of one mapping, or of several in a list, the first winning.",
        wrong: """
          x-names: &names [a, b]
          services:
            web: {<<: *names, image: nginx}
          """,
        right: """
          x-base: &base {restart: always}
          services:
            web: {<<: *base, image: nginx}
          """)
    case .textLimit:
      Entry(
        "the text is deeper or larger than a compose file may be",
        """
        Nesting ends at 128 levels, a file at 250,000 values, and what aliases stand for may not \
        grow far beyond the text itself. No real file comes near; texts made to fill the memory do.
        """,
        wrong: """
          x-a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
          x-b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
          x-c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
          x-d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
          x-e: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
          services:
            web: {image: nginx}
          """,
        right: """
          x-a: &a [1, 1, 1]
          x-b: [*a, *a]
          services:
            web: {image: nginx}
          """)
    default:
      Entry(
        "the text is no YAML",
        """
        The reading ends here, so what stands further down in this file was not looked at. Often it is \
        the line before: a quote that is not closed, a bracket, a tab where spaces must be, or a `:` \
        in a text without quotes.
        """,
        wrong: """
          services:
            web:
              image: "nginx
          """,
        right: """
          services:
            web:
              image: "nginx"
          """)
    }
  }

  var shapeEntry: Entry {
    switch self {
    case .wrongType:
      Entry(
        "a value is of another kind than its key takes",
        """
        A list where a mapping must be, a number where a text must be, and so on. YAML reads `1.10` \
        as a number and `true` as a boolean: quote them where text is meant.
        """,
        wrong: """
          services:
            web:
              image: nginx
              healthcheck: [CMD, "true"]
          """,
        right: """
          services:
            web:
              image: nginx
              healthcheck:
                test: [CMD, "true"]
          """)
    case .missingKey:
      Entry(
        "a key is missing that must be there",
        "Some mappings make no sense without one of their keys, such as a mount without a target.",
        wrong: """
          services:
            web:
              image: nginx
              volumes:
                - {type: bind, target: /data}
          """,
        right: """
          services:
            web:
              image: nginx
              volumes:
                - {type: bind, source: ./data, target: /data}
          """)
    case .notOneOf:
      Entry(
        "a word is none of those that are known here",
        "The key takes one of a few words; the message lists them.",
        wrong: """
          services:
            web:
              image: nginx
              pull_policy: allways
          """,
        right: """
          services:
            web:
              image: nginx
              pull_policy: always
          """)
    case .duplicateItem:
      Entry(
        "an item stands twice in a list",
        "The items of this list must differ. Items that come from different files may be equal.",
        wrong: """
          services:
            web:
              image: nginx
              security_opt: [no-new-privileges, no-new-privileges]
          """,
        right: """
          services:
            web:
              image: nginx
              security_opt: [no-new-privileges]
          """)
    case .badName:
      Entry(
        "a name has characters that it may not have",
        "Names of services, networks, volumes, configs and secrets are made of letters, digits, `.`, "
          + "`_` and `-`.",
        wrong: """
          services:
            web server:
              image: nginx
          """,
        right: """
          services:
            web-server:
              image: nginx
          """)
    case .badValue:
      Entry(
        "a text cannot be read as what it should be",
        """
        Ports, mounts, sizes, durations and command lines have short forms; this text is none. The \
        hint shows one. A variable that is not set often leaves half of a short form.
        """,
        wrong: """
          services:
            web:
              image: nginx
              stop_grace_period: half a minute
              ports: ["80:http"]
          """,
        right: """
          services:
            web:
              image: nginx
              stop_grace_period: 30s
              ports: ["80:80"]
          """)
    case .outOfRange:
      Entry(
        "a number is too small or too large",
        "The message names the limits.",
        wrong: """
          services:
            web:
              image: nginx
              oom_score_adj: 5000
          """,
        right: """
          services:
            web:
              image: nginx
              oom_score_adj: 500
          """)
    default:
      Entry(
        "a key is not known",
        """
        It may be mistyped, indented too little or too far, or belong elsewhere. Keys of your own \
        begin with `x-` and may stand in any mapping whose keys are fixed.
        """,
        wrong: """
          services:
            web:
              image: nginx
              prots: ["80:80"]
          """,
        right: """
          services:
            web:
              image: nginx
              ports: ["80:80"]
          """)
    }
  }
}
