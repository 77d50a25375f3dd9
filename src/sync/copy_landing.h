/// What both ways to land changes share: copies in the lake, in front of them hot tables that take the changes of a
/// transaction, and what is recorded of both. One class, its parts in the files copy_landing*.cc.
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "base/even_clock.h"
#include "sync/copy_sql.h"
#include "sync/hot_gate.h"
#include "sync/landing.h"
#include "sync/landing_records.h"

namespace weir::sync {

/// A copied table as this process knows it.
struct Copy : CopyRecord {
  uint64_t hot_rows = 0;
  std::chrono::steady_clock::time_point hot_since, changed_at;  ///< the first row since the last fold; the last change
  bool apart = false;  ///< the lake shows it as of its snapshot, the rest as of another commit: until the next fold
  bool half_loaded = false;  ///< a load has put its rows into the lake, and has not come to its end
  bool lost = false;         ///< it is loading, and changes of it are lost: it must be prepared anew
  /// What upkeep has yet to look at: nothing new is found by looking again.
  bool look_at_extents = true, look_when_quiet = true;
  int unseen_commits = 0;          ///< of direct landing: since upkeep looked
  int failed_folds = 0;            ///< of its own fault, one after the other
  std::optional<Error> failure;    ///< of its last fold: it is folded no more
  std::optional<bool> tombstones;  ///< whether the lake has any of it, when that is known

  const plan::TableName& name() const { return shape.table->name; }
};

/// What upkeep makes of extents.
struct ExtentSizes {
  uint64_t small_rows;  ///< with fewer they are copied together, however many rows the others have
  uint64_t full_bytes;  ///< beyond this size they are copied for their deleted rows only
  uint64_t step_rows;   ///< one step copies about so many
};

/// One statement that changes the shape of a lake table, in autocommit.
struct ShapeStep {
  std::string sql;
  bool unseen = false;  ///< changes only what no reader asks for yet: they need not wait
};

/// What the transaction under way makes of a table.
struct CopyChange {
  CopyShape shape;
  uint64_t version = 0;
  std::string truncated;
  uint64_t hot_rows = 0;
  LakeNames lake_names;
  std::vector<ShapeStep> lake_steps;  ///< to be run at the commit
  bool rows_changed = false;
  bool only_inserts = true;  ///< all of its events are

  bool reshaped() const { return !lake_steps.empty(); }
};

class CopyLanding : public Landing {
 public:
  ~CopyLanding() override;
  Status open();

  std::optional<LandedPosition> position() const override;
  std::vector<LandedTable> tables() const override;
  std::optional<LandedTable> table(const plan::TableName& name) const override;

  Status prepare(const connector::ChangeTablePtr& table) override;
  Status snapshot_begins(const plan::TableName& table, const connector::Position& at,
                         std::chrono::system_clock::time_point taken_at) override;
  Result<uint64_t> load(const plan::TableName& table, const std::string& scan, std::stop_token stop) override;
  Status complete(const plan::TableName& table) override;
  Status drop(const plan::TableName& table) override;
  Status drop_all() override;

  Status begin() override;
  Status apply(const connector::Change& change) override;
  Status commit(const LandedPosition& position) override;
  void roll_back() override;

 protected:
  using Work = std::function<Status(lake::SqlSession& session)>;
  using Clock = std::chrono::steady_clock;

  CopyLanding(LandingRecords records, OpenSession sessions, lake::Committer& committer, lake::FoldEpoch& epoch,
              LandingOptions options);

  // What the ways to land differ in.

  /// Makes the tables of records that are not there.
  virtual Status make_records() = 0;
  /// The table that takes the changes.
  virtual std::string hot_of(const plan::TableName& table) const = 0;
  /// Makes it anew, empty.
  virtual Status make_hot(const CopyShape& shape) = 0;
  virtual Status drop_hot(const plan::TableName& table) = 0;
  /// How `CREATE OR REPLACE … TABLE` of it begins.
  virtual std::string_view create_hot() const = 0;
  /// What it had at the start.
  virtual Status recall_hot(Copy& copy) = 0;
  /// Before the first change of a table in a transaction.
  virtual Status before_changes(const Copy& copy) = 0;
  /// Of a table that becomes complete: its hot rows supersede those of its snapshot.
  virtual Status settle_hot(Copy& copy) = 0;
  /// Runs `commit`, the end of a transaction of records and hot rows.
  virtual Status end(lake::SqlSession& session, const std::function<Status()>& commit) = 0;
  /// All changes are applied: makes them and the position durable.
  virtual Status land(const LandedPosition& position) = 0;
  /// The same in the committer's turn, after the lake has got its new shape.
  virtual Status land_in_turn(const LandedPosition& position) = 0;
  virtual ExtentSizes extent_sizes() const = 0;
  /// Of the schemas that copies are in, e.g. '256MiB'.
  virtual std::string_view extent_size_max() const = 0;

  // copy_landing.cc
  void at(std::string_view step) const;
  Error classified(Error error) const;
  Result<std::unique_ptr<lake::SqlSession>> session() const;
  /// One transaction of records and hot rows beside the committing thread's, by the owner of the connector; `known`
  /// notes what it has changed before that thread goes on.
  Status step(const Work& work, const std::function<void()>& known = {});
  /// One transaction of records, as `step`; the caller sees to it that nobody else uses the session.
  Status record(lake::SqlSession& session, const Work& work, const std::function<void()>& known = {});
  /// As Committer::commit, with more patience.
  Status in_turn(lake::SqlSession& session, const std::function<Status()>& work, const std::stop_token& stop);
  /// One statement of the lake in its turn, in autocommit.
  Status lake_statement(lake::SqlSession& session, const std::string& sql, std::stop_token stop = {});
  LandedTable landed(const Copy& copy) const;
  Result<Copy> copy_of(const plan::TableName& table) const;
  std::vector<Copy> complete_copies() const;
  Result<Copy> whole_copy_of(const plan::TableName& table) const;
  void put(Copy copy);
  void remove(const plan::TableName& table);
  std::string lake_of(const plan::TableName& table) const { return lake_table(records_.connector(), table); }
  /// The table's hot rows come into the lake, in place of those with the same keys; `only_new`: there are none.
  Status supersede(lake::SqlSession& session, const CopyShape& shape, bool only_new);
  /// The stored columns and those of the event, separated by commas.
  static std::string row_columns(const CopyShape& shape);
  /// What creates the table that takes changes.
  std::string create_hot_sql(const CopyShape& shape) const;

  // copy_landing_changes.cc
  /// What is recorded with the transaction's rows.
  Status record_commit(const LandedPosition& position);
  void adopt(const LandedPosition& position);

  // copy_landing_upkeep.cc
  Status upkeep(bool now, std::stop_token stop);

  const OpenSession sessions_;
  lake::Committer& committer_;
  lake::FoldEpoch& epoch_;
  const LandingOptions options_;
  const LandingRecords records_;
  EvenClock clock_;  ///< by which things are old

  mutable std::mutex mutex_;  ///< of the next three
  std::map<plan::TableName, Copy> copies_;
  std::optional<LandedPosition> position_;
  std::map<plan::TableName, const lake::SqlSession*> loads_;

  HotGate gate_;
  std::mutex folding_;  ///< one fold or rewrite at a time

  /// Of the committing thread, or of whoever has a step of the gate.
  std::unique_ptr<lake::SqlSession> session_;
  // The committing thread's.
  std::map<plan::TableName, CopyChange> changes_;

 private:
  // copy_landing_copies.cc
  std::map<std::string_view, std::string_view> extent_options() const;
  Result<uint64_t> load_rows(lake::SqlSession& session, const Copy& copy, const std::string& scan,
                             const std::stop_token& stop);
  Status add_constants(lake::SqlSession& session, const Copy& copy, const std::stop_token& stop);
  Status empty_lake_table(lake::SqlSession& session, const plan::TableName& table, const std::stop_token& stop);
  void set_half_loaded(const plan::TableName& table, bool half_loaded);
  Status fill_unchanged(lake::SqlSession& hot, const Copy& copy);
  Status bury_truncated(lake::SqlSession& hot, Copy& copy);
  Status drop_schemas();

  // copy_landing_shape.cc
  Status undo_intents(lake::SqlSession& session);
  Status undo_intents_in_turn(lake::SqlSession& session);
  Status undo(lake::SqlSession& session, const ShapeIntent& intent);
  Result<uint64_t> rows_in_lake(const plan::TableName& table) const;
  Result<std::map<std::string, std::string>> lake_columns(lake::SqlSession& session,
                                                          const plan::TableName& table) const;
  Status apply_shape(const connector::SchemaChange& change);
  Status commit_shapes(const LandedPosition& position);
  Result<std::vector<plan::TableName>> intend_shapes(lake::SqlSession& session);
  Status change_lake_shapes(lake::SqlSession& session, bool unseen);

  // copy_landing_changes.cc
  Status apply_rows(const connector::RowChanges& changes);
  Status apply_truncation(const connector::Truncation& truncation);
  Result<CopyChange*> changed(const plan::TableName& table);
  Status insert_resolved(const connector::RowChanges& changes, CopyChange& copy, const Copy& before,
                         const std::string& batch, const std::string& condition);
  void forget_transaction();

  // copy_landing_upkeep.cc
  Status tidy(const Copy& copy, bool now, std::stop_token stop);
  Result<bool> rewrite(const Copy& copy, double deleted_share, std::stop_token stop);
  Status expire(std::stop_token stop);

  /// A load is shown as long as this lives.
  class ShownLoad;

  const lake::Retention::Wish retention_;
  bool open_ = false;
  std::optional<lake::Committer::LongWrite> writing_;  ///< while the transaction is open
  bool undo_is_due_ = false;                           ///< a change of shape failed and could not be undone yet
  std::map<plan::TableName, int> views_;               ///< numbers of the views that batches are shown as
};

}  // namespace weir::sync
