#include "connectors/postgres/pgoutput_message.h"

#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "connectors/postgres/big_endian.h"

namespace weir::postgres::pgoutput {
namespace {

/// Reads from front to back. After the first failure every read gives zeros, and `finish` tells.
class Cursor {
 public:
  Cursor(char kind, Body body) : kind_(kind), begin_(body.data()), at_(body.data()), end_(body.data() + body.size()) {}

  template <typename T>
  T take() {
    if (left() < sizeof(T)) {
      broken_ = true;
      return 0;
    }
    const T value = load_big_endian<T>(at_);
    at_ += sizeof(T);
    return value;
  }
  char take_byte() { return static_cast<char>(take<int8_t>()); }
  Lsn take_lsn() { return {take<uint64_t>()}; }

  std::string take_text() {
    const void* end = broken_ || left() == 0 ? nullptr : std::memchr(at_, '\0', left());
    if (end == nullptr) {
      broken_ = true;
      return {};
    }
    std::string text(at_, static_cast<const char*>(end));
    at_ += text.size() + 1;
    return text;
  }

  const char* take_bytes(int32_t count) {
    if (count < 0 || static_cast<size_t>(count) > left()) {
      broken_ = true;
      return nullptr;
    }
    const char* bytes = at_;
    at_ += count;
    return bytes;
  }

  void spoil() { broken_ = true; }
  bool is_broken() const { return broken_; }
  size_t left() const { return broken_ ? 0 : static_cast<size_t>(end_ - at_); }
  Body rest() const { return {at_, left()}; }

  Status finish() const {
    if (!broken_) return {};
    return fail(ErrorCode::internal,
                fmt::format("cannot read a change of the source: message '{}' is malformed at byte "
                            "{} of {} (protocol error; report it)",
                            kind_, at_ - begin_, end_ - begin_));
  }

 private:
  char kind_;
  const char* begin_;
  const char* at_;
  const char* end_;
  bool broken_ = false;
};

void take_tuple(Cursor& cursor, Tuple& tuple) {
  const auto count = cursor.take<int16_t>();
  // Every value has at least one byte.
  if (count < 0 || static_cast<size_t>(count) > cursor.left()) return cursor.spoil();
  tuple.resize(static_cast<size_t>(count));
  for (Value& value : tuple) {
    value = {};
    const char form = cursor.take_byte();
    value.form = static_cast<Value::Form>(form);
    switch (form) {
      case 'n':
      case 'u':
        break;
      case 't':
      case 'b':
        value.length = cursor.take<int32_t>();
        value.data = cursor.take_bytes(value.length);
        break;
      default:
        cursor.spoil();
    }
    if (cursor.is_broken()) return;
  }
}

Commit take_commit(Cursor& cursor) {
  cursor.take_byte();  // flags, none is defined
  Commit commit;
  commit.commit = cursor.take_lsn();
  commit.end = cursor.take_lsn();
  commit.committed_at = cursor.take<int64_t>();
  return commit;
}

/// `parsed` unless something was missing.
template <typename T>
Result<T> finished(const Cursor& cursor, T parsed) {
  WEIR_TRY(cursor.finish());
  return parsed;
}

}  // namespace

Result<Begin> parse_begin(Body body) {
  Cursor cursor('B', body);
  Begin begin;
  begin.commit = cursor.take_lsn();
  begin.committed_at = cursor.take<int64_t>();
  begin.xid = cursor.take<uint32_t>();
  return finished(cursor, begin);
}

Result<Commit> parse_commit(Body body) {
  Cursor cursor('C', body);
  const Commit commit = take_commit(cursor);
  return finished(cursor, commit);
}

Result<Relation> parse_relation(Body body) {
  Cursor cursor('R', body);
  Relation relation;
  relation.oid = cursor.take<uint32_t>();
  relation.schema = cursor.take_text();
  if (relation.schema.empty()) relation.schema = "pg_catalog";  // as the protocol writes it
  relation.name = cursor.take_text();
  relation.identity = cursor.take_byte();
  const auto count = cursor.take<int16_t>();
  if (count < 0) cursor.spoil();
  for (int16_t i = 0; i < count && !cursor.is_broken(); i++) {
    RelationColumn column;
    column.in_identity = (cursor.take_byte() & 1) != 0;
    column.name = cursor.take_text();
    column.type_oid = cursor.take<uint32_t>();
    column.type_modifier = cursor.take<int32_t>();
    relation.columns.push_back(std::move(column));
  }
  return finished(cursor, std::move(relation));
}

Status parse_row(Kind kind, Body body, Row& row) {
  Cursor cursor(static_cast<char>(kind), body);
  row.kind = kind;
  row.relation = cursor.take<uint32_t>();
  row.old_form = 0;
  row.old_row.clear();
  row.new_row.clear();
  char form = cursor.take_byte();
  if (kind != Kind::insert && (form == 'K' || form == 'O')) {
    row.old_form = form;
    take_tuple(cursor, row.old_row);
    if (kind == Kind::remove) return cursor.finish();
    form = cursor.take_byte();
  }
  if (form != 'N' || kind == Kind::remove) cursor.spoil();
  take_tuple(cursor, row.new_row);
  return cursor.finish();
}

Result<Truncate> parse_truncate(Body body) {
  Cursor cursor('T', body);
  Truncate truncate;
  const auto count = cursor.take<int32_t>();
  cursor.take_byte();  // CASCADE, RESTART IDENTITY: the tables are listed anyway, and sequences are not ours
  if (count < 0 || static_cast<size_t>(count) > cursor.left()) cursor.spoil();
  for (int32_t i = 0; i < count && !cursor.is_broken(); i++) truncate.relations.push_back(cursor.take<uint32_t>());
  return finished(cursor, std::move(truncate));
}

Result<StreamStart> parse_stream_start(Body body) {
  Cursor cursor('S', body);
  const StreamStart start{cursor.take<uint32_t>()};
  cursor.take_byte();  // whether it is the first part
  return finished(cursor, start);
}

Result<StreamCommit> parse_stream_commit(Body body) {
  Cursor cursor('c', body);
  StreamCommit commit;
  commit.xid = cursor.take<uint32_t>();
  commit.commit = take_commit(cursor);
  return finished(cursor, commit);
}

Result<StreamAbort> parse_stream_abort(Body body) {
  Cursor cursor('A', body);
  StreamAbort abort;
  abort.xid = cursor.take<uint32_t>();
  abort.subtransaction = cursor.take<uint32_t>();
  return finished(cursor, abort);
}

Result<WalData> parse_wal_data(Body body) {
  Cursor cursor('w', body);
  WalData data;
  data.start = cursor.take_lsn();
  data.server_end = cursor.take_lsn();
  cursor.take<int64_t>();  // the time of sending
  data.payload = cursor.rest();
  return finished(cursor, data);
}

Result<KeepAlive> parse_keep_alive(Body body) {
  Cursor cursor('k', body);
  KeepAlive alive;
  alive.server_end = cursor.take_lsn();
  alive.sent_at = cursor.take<int64_t>();
  alive.reply_now = cursor.take_byte() != 0;
  return finished(cursor, alive);
}

}  // namespace weir::postgres::pgoutput
