/// The messages of PostgreSQL's output plugin pgoutput, protocol versions 1 and 2, as they come: pure parsing.
/// Malformed bytes are an error, whatever they are.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/lsn.h"

namespace weir::postgres::pgoutput {

/// The first byte of a message.
enum class Kind : char {
  begin = 'B',
  commit = 'C',
  origin = 'O',
  relation = 'R',
  type = 'Y',
  insert = 'I',
  update = 'U',
  remove = 'D',
  truncate = 'T',
  message = 'M',
  stream_start = 'S',
  stream_stop = 'E',
  stream_commit = 'c',
  stream_abort = 'A',
};

/// A value of a row. `data` borrows from the message.
struct Value {
  enum class Form : char { null = 'n', unchanged = 'u', text = 't', binary = 'b' };
  Form form = Form::null;
  int32_t length = 0;
  const char* data = nullptr;

  bool is_sent() const { return form == Form::text || form == Form::binary; }
};
using Tuple = std::vector<Value>;

/// Times are microseconds since 2000-01-01 UTC.
struct Begin {
  Lsn commit;  ///< the place of the commit's record
  int64_t committed_at = 0;
  uint32_t xid = 0;
};
struct Commit {
  Lsn commit;
  Lsn end;  ///< behind the commit's record
  int64_t committed_at = 0;
};
struct RelationColumn {
  bool in_identity = false;
  std::string name;
  uint32_t type_oid = 0;
  int32_t type_modifier = -1;

  bool operator==(const RelationColumn&) const = default;
};
struct Relation {
  uint32_t oid = 0;
  std::string schema;
  std::string name;
  char identity = 'd';  ///< pg_class.relreplident: d default, n nothing, f full, i index
  std::vector<RelationColumn> columns;

  bool operator==(const Relation&) const = default;
};
/// An insert, update or delete. The tuples keep their memory from one message to the next.
struct Row {
  Kind kind = Kind::insert;
  uint32_t relation = 0;
  char old_form = 0;  ///< 'K': `old_row` has the key only; 'O': the whole old row; 0: none
  Tuple old_row;
  Tuple new_row;  ///< of inserts and updates
};
struct Truncate {
  std::vector<uint32_t> relations;
};
struct StreamStart {
  uint32_t xid = 0;
};
struct StreamCommit {
  uint32_t xid = 0;
  Commit commit;
};
struct StreamAbort {
  uint32_t xid = 0;
  uint32_t subtransaction = 0;  ///< equal to `xid`: the whole transaction
};

/// What stands behind the kind's byte (and behind the transaction's number in the messages of a streamed transaction).
/// Errors of all: internal, with kind and place.
using Body = std::span<const char>;
Result<Begin> parse_begin(Body body);
Result<Commit> parse_commit(Body body);
Result<Relation> parse_relation(Body body);
Status parse_row(Kind kind, Body body, Row& row);
Result<Truncate> parse_truncate(Body body);
Result<StreamStart> parse_stream_start(Body body);
Result<StreamCommit> parse_stream_commit(Body body);
Result<StreamAbort> parse_stream_abort(Body body);

/// What a walsender wraps around everything.
struct WalData {
  Lsn start;
  Lsn server_end;
  Body payload;
};
struct KeepAlive {
  Lsn server_end;
  int64_t sent_at = 0;
  bool reply_now = false;
};
Result<WalData> parse_wal_data(Body body);
Result<KeepAlive> parse_keep_alive(Body body);

}  // namespace weir::postgres::pgoutput
