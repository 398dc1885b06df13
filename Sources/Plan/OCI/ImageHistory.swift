// How an image came to be, as its config tells it. For people: nothing here depends on it.

package import JSON

package struct ImageHistoryEntry: Hashable, Sendable {
  /// RFC 3339, as written.
  package var created: String?
  package var createdBy: String
  package var author: String
  package var comment: String
  /// The step made no layer.
  package var isEmpty: Bool

  package init(
    created: String? = nil, createdBy: String = "", author: String = "", comment: String = "",
    isEmpty: Bool = false
  ) {
    self.created = created
    self.createdBy = createdBy
    self.author = author
    self.comment = comment
    self.isEmpty = isEmpty
  }

  /// The entries of a config, oldest first. What is not as it should be is left out.
  package static func entries(of config: JSONValue) -> [ImageHistoryEntry] {
    (config["history"]?.array ?? []).map { entry in
      ImageHistoryEntry(
        created: entry["created"]?.string, createdBy: entry["created_by"]?.string ?? "",
        author: entry["author"]?.string ?? "", comment: entry["comment"]?.string ?? "",
        isEmpty: entry["empty_layer"]?.bool ?? false)
    }
  }

  package var json: JSONValue {
    var object = JSONObject()
    object["created"] = created.map { .string($0) }
    if !createdBy.isEmpty { object["created_by"] = .string(createdBy) }
    if !author.isEmpty { object["author"] = .string(author) }
    if !comment.isEmpty { object["comment"] = .string(comment) }
    if isEmpty { object["empty_layer"] = true }
    return .object(object)
  }
}
