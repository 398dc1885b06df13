// `--format` of listings: table, json, or a template.

import Console
import Templating

enum ListingFormat: Sendable {
  case table
  case json
  case template(ListingTemplate)
}

func listingFormat(_ text: String) throws -> ListingFormat {
  switch text {
  // The second is what the reference called it once.
  case "table", "pretty", "": return .table
  case "json": return .json
  case _ where ListingTemplate.isTemplate(text): return .template(try ListingTemplate(text))
  default:
    throw UsageFault(
      "unknown format `\(text)`", hint: "choose table, json, or a template such as '{{.Name}}'")
  }
}

/// The `--format` of `inspect`; nil for JSON.
func inspectionTemplate(_ text: String) throws -> ListingTemplate? {
  if text == "json" { return nil }
  guard ListingTemplate.isTemplate(text) else {
    throw UsageFault(
      "unknown format `\(text)`", hint: "choose json, or a template such as '{{.Id}}'")
  }
  return try ListingTemplate(text)
}

/// Prints rows as they were asked for; `json` is their form where it is no object for each line.
func show(
  _ listing: RowListing, as format: ListingFormat, table: @autoclosure () -> String,
  json: ((RowListing) -> String) = { $0.lines }
) throws {
  switch format {
  case .table: Output.standard.write(table())
  case .json: Output.standard.write(json(listing))
  case .template(let template): Output.standard.write(try listing.text(template))
  }
}
