/// Where the changes of one connector land: copies of its tables in the lake, and in front of them hot tables, with the
/// position in the same transaction (docs/decisions/0004 and 0006).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connector/changes.h"
#include "lake/committer.h"
#include "lake/hot.h"
#include "lake/sql_session.h"

namespace weir::sync {

enum class LandingKind : uint8_t {
  hot,     ///< a commit is one transaction of the hot database; rows are folded into the lake later
  direct,  ///< a commit is one transaction of the lake
};

struct LandingOptions {
  LandingKind kind = LandingKind::hot;
  uint64_t fold_rows = 150'000;               ///< a hot table with so many rows is folded
  std::chrono::milliseconds fold_age{5'000};  ///< or when its oldest row has waited so long and nothing comes
  double rewrite_deleted_share = 0.25;        ///< extents with so many deleted rows are rewritten
  double rewrite_deleted_share_quiet = 0.02;  ///< and with so many when the table has not changed for `quiet`:
  std::chrono::milliseconds quiet{30'000};    ///< a reader pays for every deleted row, a writer for every rewrite
  std::chrono::hours tombstones_kept{24 * 7};
  std::chrono::hours snapshots_kept{24 * 7};  ///< of the lake, for AT (…), at least; zero: for ever
  uint64_t hot_log_bytes_max = 64u << 20;     ///< the hot database's log is folded into it when it is larger
  /// When the oldest statement began that may still read the lake; nothing: none does.
  std::function<std::optional<std::chrono::system_clock::time_point>()> oldest_reader;
  std::function<void(std::string_view step)> at_step;  ///< for tests: called before every step that changes something
};

/// Where a connector stands: one row beside the hot rows.
struct LandedPosition {
  connector::Position position;
  std::string source_identity;                         ///< ChangeSourceState::identity
  std::chrono::system_clock::time_point committed_at;  ///< of the last transaction, on the source
};

/// How a table stands in the landing; kept durably beside the position.
enum class CopyPhase : uint8_t {
  loading,   ///< the snapshot is being read: changes after its position gather in the hot table
  complete,  ///< the lake and the hot table together are the table
};
struct LandedTable {
  connector::ChangeTablePtr table;
  CopyPhase phase = CopyPhase::loading;
  connector::Position snapshot;       ///< changes up to it are in the snapshot and are left out
  std::optional<uint64_t> rows_read;  ///< of its snapshot, while `load` runs
  // What readers may rely on as long as the epoch is still the same:
  uint64_t hot_rows = 0;   ///< zero: the hot table can be left out
  bool tombstones = true;  ///< false: the lake has none of it

  std::optional<Error> failure;  ///< it cannot be folded, and the others are folded without it
};

/// One per connector; a second one of the same connector makes the first one's next commit fail (`conflict`): the
/// fence. `begin` … `commit` belong to one thread; `fold` and the snapshot calls may come from another. Errors of all:
/// disk_full, io_error, commit_conflict, data_dir_damaged, cancelled.
class Landing {
 public:
  using OpenSession = std::function<Result<std::unique_ptr<lake::SqlSession>>()>;

  /// Takes over the connector's landing: makes the position row when there is none, and takes the fence. What landed
  /// the other way is gone.
  static Result<std::unique_ptr<Landing>> open(const std::string& connector, const OpenSession& sessions,
                                               lake::Committer& committer, lake::FoldEpoch& epoch,
                                               const LandingOptions& options);
  virtual ~Landing() = default;

  /// Whether every commit is one of the lake, which costs more than one that nobody needs is worth.
  virtual bool commits_in_lake() const = 0;
  virtual std::optional<LandedPosition> position() const = 0;
  virtual std::vector<LandedTable> tables() const = 0;
  /// Nothing when the table is not copied.
  virtual std::optional<LandedTable> table(const plan::TableName& name) const = 0;

  /// (Re)makes the copy of `table`, empty and loading: its changes are taken from here on. What was there is gone.
  virtual Status prepare(const connector::ChangeTablePtr& table) = 0;
  /// The snapshot's position is known: changes up to it are dropped, those that came already and those to come.
  virtual Status snapshot_begins(const plan::TableName& table, const connector::Position& at,
                                 std::chrono::system_clock::time_point taken_at) = 0;
  /// Loads the snapshot into extents from `scan`, the text of a table expression with the source's columns, in one
  /// transaction of the lake; answers the rows. Only the commit waits for its turn.
  virtual Result<uint64_t> load(const plan::TableName& table, const std::string& scan, std::stop_token stop) = 0;
  /// After `load`: `_unchanged` values of hot rows are taken from the snapshot, and the table is complete.
  virtual Status complete(const plan::TableName& table) = 0;
  /// The copy and everything about it is gone.
  virtual Status drop(const plan::TableName& table) = 0;
  /// All of the connector is gone.
  virtual Status drop_all() = 0;

  /// One transaction: begin, apply in order, commit or roll back.
  virtual Status begin() = 0;
  /// Changes of tables that are not prepared, and rows up to a table's snapshot, are left out. A TableEnd is none of
  /// the landing's business.
  virtual Status apply(const connector::Change& change) = 0;
  /// Durable when it returns. The position must move.
  virtual Status commit(const LandedPosition& position) = 0;
  virtual void roll_back() = 0;

  /// Folds the hot rows of every table that is due (all of them when `now`), and does the upkeep that is due:
  /// rewriting, tombstones, expiry, clean-up, the hot database's own log. Answers the rows moved.
  virtual Result<uint64_t> fold(bool now, std::stop_token stop) = 0;
};

}  // namespace weir::sync
