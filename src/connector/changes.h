/// The role ChangeSource: a source whose tables can be copied once and then followed change by change.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "batch/arrow_owners.h"
#include "connector/source.h"
#include "plan/scan.h"

namespace weir::connector {

/// A point in a source's history of commits, in a form of the connector's own that orders as text: for PostgreSQL the
/// LSN as 16 upper-case hexadecimal digits. Empty: before everything.
using Position = std::string;

/// A table as its changes arrive. Immutable and shared; a new one after every schema change.
struct ChangeTable {
  plan::TableName name;
  std::vector<plan::Column> columns;  ///< of the source, in its order
  std::vector<std::string> key;       ///< of the replica identity, in key order: a row is known by their values
  /// What the connector wants to know about the table the next time, in a form of its own: kept with the table and
  /// given back to `stream`. Without it a column that was renamed while nobody listened looks like another one.
  std::string memo;
};
using ChangeTablePtr = std::shared_ptr<const ChangeTable>;

/// Why a table cannot be followed, as `status`, `events` and `warnings` show it. Some take a resync, some a person.
struct TableStop {
  std::string reason;  ///< "table has no primary key — cannot CDC sync", "pk_changed", "table_dropped" …
  std::string hint;    ///< what to do
};

/// What `examine` found for one table that a user asked for.
struct SyncCandidate {
  ChangeTablePtr table;           ///< set when it can be followed
  std::optional<TableStop> stop;  ///< set when it cannot
};

/// Rows of one table, each an event, in commit order. Arrow columns: those of `table->columns`, then
///   _kyma_op        utf8  "insert", "update" or "delete"
///   _kyma_lsn       utf8  16 hexadecimal digits of the commit's place, "/", 8 of the event's place inside it: as text
///                         less than the positions that the transaction is contained in, greater than all before
///   _kyma_event_at  timestamp[us, UTC]  the commit's time on the source
///   _last           bool  no later event of this batch has the same key
///   _unchanged      list<utf8>, null for most: columns that the source did not send because the event left them as
///                   they were (TOAST), and that no earlier event of this batch has the value of. They are NULL here.
/// A delete has NULL in all columns but those of the key. A change of key is two events: a delete of the old key and an
/// update of the new one, whose `_unchanged` columns are those of the old key's row: `_moved_from` is then set.
///   _moved_from     struct of the key's columns, null for most: the key that this event took from the row
struct RowChanges {
  ChangeTablePtr table;
  batch::OwnedSchema schema;
  batch::OwnedArray rows;
  int64_t count = 0;
};
/// The schema of RowChanges::rows.
batch::OwnedSchema row_changes_schema(const ChangeTable& table);

/// All rows of the table are gone.
struct Truncation {
  ChangeTablePtr table;
  std::string lsn;  ///< as `_kyma_lsn`
  std::chrono::system_clock::time_point at;
};
/// The table's rows look different from here on.
struct SchemaChange {
  struct Added {
    plan::Column column;
    std::optional<std::string> value;  ///< what rows before have in it, as text that casts to its type; nothing: NULL
  };
  struct Renamed {
    std::string from, to;
  };
  ChangeTablePtr before, after;  ///< without any of the below only the memo is another one
  std::vector<Added> added;
  std::vector<Renamed> renamed;
  std::vector<std::string> dropped;   ///< stay in the copy, NULL from here on
  std::vector<plan::Column> widened;  ///< the new type holds every value of the old one
};
/// Nothing more comes of this table; the others go on.
struct TableEnd {
  plan::TableName table;
  TableStop stop;
};
using Change = std::variant<RowChanges, Truncation, SchemaChange, TableEnd>;

/// Whole transactions of the source, or a part of a large one. What comes in one group, and what comes in the groups up
/// to and with the next `complete` one, is landed in one transaction.
struct ChangeGroup {
  std::vector<Change> changes;  ///< in order; one table's rows are gathered as long as nothing else of it comes between
  bool complete = true;         ///< false: the last transaction goes on in the next group
  Position position;            ///< behind the last whole transaction; set when `complete`
  std::chrono::system_clock::time_point committed_at;  ///< of the last whole transaction
  uint64_t transactions = 0, rows = 0, bytes = 0;
};

/// When a group is handed over, and what a stream may use. A group that is empty of changes moves the position only.
struct GroupLimits {
  uint64_t rows_max = 50'000;
  uint64_t bytes_max = 32u << 20;
  std::chrono::milliseconds age_max{200};  ///< since the first change came in
  /// Of transactions in progress that the source sends already; what is more waits in `spill_directory`.
  uint64_t spill_memory_bytes = 64u << 20;
  /// Of this stream alone: it is made, and what is in it is removed, by `stream`. Empty: one in the system's temporary
  /// directory.
  std::filesystem::path spill_directory;
  /// A source that gives no sign of life for so long, though it is asked for one, is taken for lost. PostgreSQL may be
  /// silent for half of wal_sender_timeout (30 s) while it skips a large transaction of other tables.
  std::chrono::milliseconds silence_max{120'000};
};

/// What a stream has seen, for status and metrics.
struct StreamStats {
  Position received;                               ///< the end of what has come in
  Position source_end;                             ///< up to where the source has sent: its history may be longer
  std::chrono::steady_clock::time_point heard_at;  ///< of any message, keepalives too
  uint64_t bytes = 0, transactions = 0, events = 0;
  uint64_t spilled_bytes = 0;  ///< of transactions in progress that wait on disk now
};

/// Changes as they come. `next` and `confirm` belong to one thread; the rest is thread-safe.
class ChangeStream {
 public:
  virtual ~ChangeStream() = default;
  /// The next group, waiting up to `wait`; nothing: none has come. Errors: source_*, replication_slot_missing,
  /// disk_full (spill), cancelled. After an error the stream is of no more use.
  virtual Result<std::optional<ChangeGroup>> next(std::chrono::milliseconds wait) = 0;
  /// Everything up to `position` is durable here: the source may forget it. Only the committer's caller calls this.
  virtual void confirm(const Position& position) = 0;
  /// Somebody waits for a position: the next one is handed over soon, even without changes. Thread-safe.
  virtual void hurry() {}
  virtual void cancel() = 0;
  virtual StreamStats stats() const = 0;
};

/// A moment of the source that reads can be made at; the source forgets it when this goes away. A source may have few
/// at a time.
class SnapshotPoint {
 public:
  virtual ~SnapshotPoint() = default;
  virtual const Position& position() const = 0;  ///< every change up to it is in the snapshot, none after it
  virtual const std::string& name() const = 0;   ///< for Source::begin_at
  virtual std::chrono::system_clock::time_point taken_at() const = 0;
};

/// The state of the source's side.
struct ChangeSourceState {
  std::string identity;         ///< changes when it is another server or another history: "system id/timeline"
  bool follows = false;         ///< the slot is there
  bool usable = false;          ///< and nothing that it needs is lost
  Position confirmed;           ///< what the source was told last
  Position end;                 ///< the end of its history
  uint64_t behind_bytes = 0;    ///< of its history, between `confirmed` and `end`
  uint64_t retained_bytes = 0;  ///< kept on the source because of us: more, for open transactions and whole segments
};

/// Where a source stands.
struct SourceMoment {
  Position end;
  std::chrono::system_clock::time_point at;  ///< by its own clock
};

/// Thread-safe. Every call may wait for the source, up to its time limits. Errors of all: source_*, tls_*, timeout,
/// source_permission_denied (naming the missing privilege), cancelled.
class ChangeSource {
 public:
  virtual ~ChangeSource() = default;
  /// What can be followed, and why the rest cannot, in the order of `tables`.
  virtual Result<std::vector<SyncCandidate>> examine(const std::vector<plan::TableName>& tables) = 0;
  /// Those of these tables whose changes do not arrive whole now: what was changed since may never come.
  virtual Result<std::vector<plan::TableName>> unpublished(const std::vector<plan::TableName>& /*tables*/) {
    return std::vector<plan::TableName>();
  }
  /// Makes changes of exactly these tables arrive from now on (the publication). Idempotent.
  virtual Status publish(const std::vector<plan::TableName>& tables) = 0;
  /// Begins to follow (makes the slot) and answers the moment at which it begins. That may wait for minutes: `stop`
  /// ends it. Errors: already_exists.
  virtual Result<std::unique_ptr<SnapshotPoint>> follow(std::stop_token stop = {}) = 0;
  /// A moment for a snapshot of one more table, later than everything that has come in. Waits as `follow`.
  virtual Result<std::unique_ptr<SnapshotPoint>> snapshot_point(std::stop_token stop = {}) = 0;
  /// From `from` on: transactions that ended there or before do not come again. `tables` are as the copy knows them:
  /// differences to what the source sends first are SchemaChanges. Errors: replication_slot_missing.
  virtual Result<std::unique_ptr<ChangeStream>> stream(const Position& from, std::vector<ChangeTablePtr> tables,
                                                       const GroupLimits& limits) = 0;
  /// A position as people write it (for PostgreSQL "16/B374D848" or a Position). Errors: invalid_option.
  virtual Result<Position> position_of(const std::string& text) = 0;
  virtual Result<ChangeSourceState> state() = 0;
  /// The end of the history at a moment between the call and its answer. Cheap: it is asked all the time.
  virtual Result<SourceMoment> moment() = 0;
  /// Those that are not there any more: no change tells of a table that was dropped.
  virtual Result<std::vector<plan::TableName>> missing(const std::vector<plan::TableName>& /*tables*/) {
    return std::vector<plan::TableName>();
  }
  /// What became of a table that is not there any more: "table_dropped", or "table_renamed".
  virtual Result<TableStop> fate(const ChangeTable& /*table*/) { return TableStop{"table_dropped", ""}; }
  /// Writes something small and harmless into the source's history, so that an idle database moves on.
  virtual Status heartbeat() = 0;
  /// Removes the slot and the publication; what is not there is no error.
  virtual Status forget() = 0;
};

}  // namespace weir::connector
