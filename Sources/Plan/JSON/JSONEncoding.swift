// `Encodable` to `JSONValue`: records on disk and messages are written through this.

extension JSONValue {
  /// Encodes any value; nil members are left out by synthesised conformances.
  package init(encoding value: some Encodable) throws {
    let slot = Slot()
    try value.encode(to: ValueEncoder(slot: slot, codingPath: []))
    self = slot.value
  }
}

/// Where a value under construction lives: containers fill it in place.
private final class Slot {
  enum Content {
    case value(JSONValue)
    case array([Slot])
    case object([(String, Slot)])
  }
  var content = Content.value(.null)

  var value: JSONValue {
    switch content {
    case .value(let value): return value
    case .array(let slots): return .array(slots.map(\.value))
    case .object(let members):
      var object = JSONObject()
      for (name, slot) in members { object.append(name, slot.value) }
      return .object(object)
    }
  }

  func member(_ name: String) -> Slot {
    let slot = Slot()
    if case .object(var members) = content {
      content = .value(.null)
      members.append((name, slot))
      content = .object(members)
    } else {
      content = .object([(name, slot)])
    }
    return slot
  }

  func element() -> Slot {
    let slot = Slot()
    if case .array(var items) = content {
      content = .value(.null)
      items.append(slot)
      content = .array(items)
    } else {
      content = .array([slot])
    }
    return slot
  }

  var count: Int { if case .array(let items) = content { items.count } else { 0 } }
}

private struct ValueEncoder: Encoder {
  let slot: Slot
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    if case .value = slot.content { slot.content = .object([]) }
    return KeyedEncodingContainer(KeyedWriter(slot: slot, codingPath: codingPath))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    if case .value = slot.content { slot.content = .array([]) }
    return UnkeyedWriter(slot: slot, codingPath: codingPath)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer {
    SingleWriter(slot: slot, codingPath: codingPath)
  }
}

/// One value into one slot; every container ends here.
private struct SingleWriter: SingleValueEncodingContainer {
  let slot: Slot
  let codingPath: [any CodingKey]

  func encodeNil() { slot.content = .value(.null) }
  func encode(_ value: Bool) { slot.content = .value(.bool(value)) }
  func encode(_ value: String) { slot.content = .value(.string(value)) }
  func encode(_ value: Double) throws { try number(value) }
  func encode(_ value: Float) throws { try number(Double(value)) }
  func encode(_ value: Int) { slot.content = .value(JSONValue(value)) }
  func encode(_ value: Int8) { slot.content = .value(JSONValue(value)) }
  func encode(_ value: Int16) { slot.content = .value(JSONValue(value)) }
  func encode(_ value: Int32) { slot.content = .value(JSONValue(value)) }
  func encode(_ value: Int64) { slot.content = .value(JSONValue(value)) }
  func encode(_ value: UInt) { slot.content = .value(JSONValue(value)) }
  func encode(_ value: UInt8) { slot.content = .value(JSONValue(value)) }
  func encode(_ value: UInt16) { slot.content = .value(JSONValue(value)) }
  func encode(_ value: UInt32) { slot.content = .value(JSONValue(value)) }
  func encode(_ value: UInt64) { slot.content = .value(JSONValue(value)) }

  func encode<T: Encodable>(_ value: T) throws {
    if let json = value as? JSONValue {
      slot.content = .value(json)
    } else {
      try value.encode(to: ValueEncoder(slot: slot, codingPath: codingPath))
    }
  }

  private func number(_ value: Double) throws {
    guard let number = JSONNumber(value) else {
      throw EncodingError.invalidValue(
        value, .init(codingPath: codingPath, debugDescription: "JSON has no \(value)"))
    }
    slot.content = .value(.number(number))
  }
}

private struct KeyedWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let slot: Slot
  let codingPath: [any CodingKey]

  func encodeNil(forKey key: Key) { slot.member(key.stringValue).content = .value(.null) }

  func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    let writer = SingleWriter(slot: slot.member(key.stringValue), codingPath: codingPath + [key])
    try writer.encode(value)
  }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key)
    -> KeyedEncodingContainer<Nested>
  {
    encoder(key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    encoder(key).unkeyedContainer()
  }

  func superEncoder() -> any Encoder {
    ValueEncoder(slot: slot.member("super"), codingPath: codingPath)
  }

  func superEncoder(forKey key: Key) -> any Encoder { encoder(key) }

  private func encoder(_ key: Key) -> ValueEncoder {
    ValueEncoder(slot: slot.member(key.stringValue), codingPath: codingPath + [key])
  }
}

private struct UnkeyedWriter: UnkeyedEncodingContainer {
  let slot: Slot
  let codingPath: [any CodingKey]
  var count: Int { slot.count }

  func encodeNil() { slot.element().content = .value(.null) }

  func encode<T: Encodable>(_ value: T) throws {
    try SingleWriter(slot: slot.element(), codingPath: codingPath).encode(value)
  }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type)
    -> KeyedEncodingContainer<Nested>
  {
    superEncoder().container(keyedBy: type)
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    superEncoder().unkeyedContainer()
  }

  func superEncoder() -> any Encoder {
    ValueEncoder(slot: slot.element(), codingPath: codingPath)
  }
}
