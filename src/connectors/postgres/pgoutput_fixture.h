/// For tests: messages of pgoutput, byte by byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connectors/postgres/pgoutput_message.h"

namespace weir::postgres {

/// Appends in network byte order.
class Bytes {
 public:
  Bytes& byte(char value) {
    text_ += value;
    return *this;
  }
  Bytes& number(uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; i--) text_ += static_cast<char>(value >> (8 * i));
    return *this;
  }
  Bytes& text(const std::string& value) {
    text_ += value;
    return byte('\0');
  }
  Bytes& raw(const std::string& value) {
    text_ += value;
    return *this;
  }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

inline std::string int8_bytes(int64_t value) { return Bytes().number(static_cast<uint64_t>(value), 8).str(); }

/// A value of a tuple: NULL, unchanged, or bytes.
struct Cell {
  char form = 'n';
  std::string bytes = {};
};
inline Cell null_cell() { return {}; }
inline Cell unchanged_cell() { return {'u', {}}; }
inline Cell cell(std::string bytes) { return {'b', std::move(bytes)}; }
inline Cell cell(int64_t value) { return {'b', int8_bytes(value)}; }

inline std::string tuple_bytes(const std::vector<Cell>& cells) {
  Bytes bytes;
  bytes.number(cells.size(), 2);
  for (const Cell& one : cells) {
    bytes.byte(one.form);
    if (one.form == 'b' || one.form == 't') bytes.number(one.bytes.size(), 4).raw(one.bytes);
  }
  return bytes.str();
}

/// Messages as the stream brings them; `xid` is in front of the body inside of a streamed transaction.
inline std::string begin_message(uint64_t commit, int64_t at = 0, uint32_t xid = 7) {
  return Bytes().byte('B').number(commit, 8).number(static_cast<uint64_t>(at), 8).number(xid, 4).str();
}
inline std::string commit_message(uint64_t commit, uint64_t end, int64_t at = 0) {
  return Bytes().byte('C').byte(0).number(commit, 8).number(end, 8).number(static_cast<uint64_t>(at), 8).str();
}
inline std::string with_xid(std::optional<uint32_t> xid) { return xid ? Bytes().number(*xid, 4).str() : std::string(); }

inline std::string relation_message(const pgoutput::Relation& relation, std::optional<uint32_t> xid = {}) {
  Bytes bytes;
  bytes.byte('R').raw(with_xid(xid)).number(relation.oid, 4).text(relation.schema).text(relation.name);
  bytes.byte(relation.identity).number(relation.columns.size(), 2);
  for (const auto& column : relation.columns) {
    bytes.byte(column.in_identity ? 1 : 0).text(column.name).number(column.type_oid, 4);
    bytes.number(static_cast<uint32_t>(column.type_modifier), 4);
  }
  return bytes.str();
}
inline std::string insert_message(uint32_t oid, const std::vector<Cell>& row, std::optional<uint32_t> xid = {}) {
  return Bytes().byte('I').raw(with_xid(xid)).number(oid, 4).byte('N').raw(tuple_bytes(row)).str();
}
/// `old_form` 0: without an old row.
inline std::string update_message(uint32_t oid, char old_form, const std::vector<Cell>& old_row,
                                  const std::vector<Cell>& row, std::optional<uint32_t> xid = {}) {
  Bytes bytes;
  bytes.byte('U').raw(with_xid(xid)).number(oid, 4);
  if (old_form != 0) bytes.byte(old_form).raw(tuple_bytes(old_row));
  return bytes.byte('N').raw(tuple_bytes(row)).str();
}
inline std::string delete_message(uint32_t oid, char old_form, const std::vector<Cell>& old_row,
                                  std::optional<uint32_t> xid = {}) {
  return Bytes().byte('D').raw(with_xid(xid)).number(oid, 4).byte(old_form).raw(tuple_bytes(old_row)).str();
}
inline std::string truncate_message(const std::vector<uint32_t>& oids, std::optional<uint32_t> xid = {}) {
  Bytes bytes;
  bytes.byte('T').raw(with_xid(xid)).number(oids.size(), 4).byte(0);
  for (const uint32_t oid : oids) bytes.number(oid, 4);
  return bytes.str();
}
inline std::string stream_start_message(uint32_t xid) { return Bytes().byte('S').number(xid, 4).byte(1).str(); }
inline std::string stream_stop_message() { return "E"; }
inline std::string stream_commit_message(uint32_t xid, uint64_t commit, uint64_t end) {
  return Bytes().byte('c').number(xid, 4).raw(commit_message(commit, end).substr(1)).str();
}
inline std::string stream_abort_message(uint32_t xid, uint32_t subtransaction) {
  return Bytes().byte('A').number(xid, 4).number(subtransaction, 4).str();
}

}  // namespace weir::postgres
