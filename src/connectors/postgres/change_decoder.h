/// pgoutput's messages → groups of changes. Knows nothing of connections.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "connector/changes.h"
#include "connectors/postgres/change_gatherer.h"
#include "connectors/postgres/followed_table.h"
#include "connectors/postgres/schema_drift.h"
#include "connectors/postgres/streamed_transactions.h"

namespace weir::postgres {

/// What the decoder asks the source beside the stream.
class ChangeCatalog : public TextCasts {
 public:
  /// The table as the catalogs show it when everything up to and with transaction `xid` is visible; nothing: it is
  /// gone. Errors: source_*, timeout, cancelled.
  virtual Result<std::optional<TableFacts>> table(uint32_t oid, uint32_t xid) = 0;
  /// Only the numbers of its columns, by their names; none: it is gone.
  virtual Result<ColumnNumbers> column_numbers(uint32_t oid, uint32_t xid) = 0;
};

/// One thread. After an error it is of no use.
class ChangeDecoder {
 public:
  using Clock = std::chrono::steady_clock;
  /// Takes a group; may wait. An error ends the decoder's call with it.
  using HandOver = std::function<Status(connector::ChangeGroup)>;

  /// `known`: the tables as the copy knows them. `from`: the position that the stream begins at.
  ChangeDecoder(std::vector<FollowedTable> known, Lsn from, const connector::GroupLimits& limits,
                StreamedTransactions streamed, ChangeCatalog& catalog, HandOver hand_over);

  /// One message of the plugin. Hands groups over when a limit is reached.
  /// Errors: internal (malformed), disk_full, io_error, source_*, those of HandOver.
  Status take(std::span<const char> message);
  /// Everything up to `end` has come in, as the source said at `sent_at` (microseconds since 2000).
  void advance(Lsn end, int64_t sent_at);

  /// When what was gathered is to be handed over, if nothing more comes; nothing while there is nothing, or inside of a
  /// transaction.
  std::optional<Clock::time_point> due() const;
  /// Whole transactions were gathered, or the position has moved since it was handed over last.
  bool has_news() const { return !in_transaction_ && (!gatherer_.is_empty() || position_ > delivered_); }
  /// Hands over what there is, outside of a transaction.
  Status flush();

  struct Counters {
    uint64_t transactions = 0, events = 0, spilled_bytes = 0;
  };
  Counters counters() const { return {transactions_, events_, streamed_.spilled_bytes()}; }

 private:
  struct Entry {
    FollowedTablePtr followed;
    bool has_ended = false;
  };

  Status take_streamed(pgoutput::Kind kind, pgoutput::Body body);
  Status announce(pgoutput::Body body);
  Status replay(pgoutput::Kind kind, pgoutput::Body body, bool is_aborted);
  Status apply(pgoutput::Kind kind, pgoutput::Body body);
  void begin(Lsn commit, int64_t committed_at, uint32_t xid);
  Status end(const pgoutput::Commit& commit);
  Status commit_streamed(const pgoutput::StreamCommit& commit);
  Status describe_table(pgoutput::Body body);
  bool precedes_copy(uint32_t oid) const;
  Status take_relation(const pgoutput::Relation& relation);
  Status recall_relation(uint32_t oid);
  void forget_outdated_relations();
  Result<Drift> drift_of(const FollowedTable& known, const pgoutput::Relation& relation);
  Result<Entry> meet(const pgoutput::Relation& relation);
  Status take_row(pgoutput::Kind kind, pgoutput::Body body);
  Status take_truncate(const pgoutput::Truncate& truncate);
  void end_table(uint32_t oid, connector::TableStop stop);
  void began_to_gather();
  bool is_full() const;
  Status hand_over(bool complete);

  const connector::GroupLimits limits_;
  StreamedTransactions streamed_;
  ChangeCatalog& catalog_;
  const HandOver hand_over_;

  std::unordered_map<uint32_t, Entry> tables_;  ///< by oid
  std::vector<FollowedTable> unmet_;            ///< whose oid nobody knows
  /// The descriptions that came last, by oid, whether their transactions are committed or not.
  std::unordered_map<uint32_t, std::string> announced_;
  /// Those that were rolled back with the subtransaction that they came in, or came before the table's copy begins. The
  /// source does not repeat them: they hold for the rows that follow.
  std::unordered_map<uint32_t, std::string> skipped_;
  ChangeGatherer gatherer_;
  pgoutput::Row row_;  // keeps its memory

  bool in_transaction_ = false;
  uint32_t stream_xid_ = 0;  ///< between Stream Start and Stop
  uint32_t xid_ = 0;
  EventStamp stamp_;
  bool is_partial_ = false;  ///< a part of the transaction at hand was handed over
  std::optional<Clock::time_point> gathering_since_;
  Lsn position_, delivered_;
  int64_t committed_at_ = 0;  ///< of the last whole transaction, or when the source said that there is none behind it
  uint64_t group_transactions_ = 0;
  uint64_t transactions_ = 0, events_ = 0;
};

}  // namespace weir::postgres
