/// The landing over a hot database and a lake: one class, its parts in the files hot_landing*.cc.
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "base/even_clock.h"
#include "sync/copy_sql.h"
#include "sync/hot_gate.h"
#include "sync/hot_records.h"
#include "sync/landing.h"

namespace weir::sync {

/// A copied table as this process knows it.
struct Copy : CopyRecord {
  uint64_t hot_rows = 0;
  std::chrono::steady_clock::time_point hot_since, changed_at;  ///< the first row since the last fold; the last change
  bool apart = true;         ///< the lake may show it as of another commit than the rest: no fold has joined them yet
  bool half_loaded = false;  ///< a load has put its rows into the lake, and has not come to its end
  /// What upkeep has yet to look at since the last fold: nothing new is found by looking again.
  bool look_at_extents = true, look_when_quiet = true;

  const plan::TableName& name() const { return shape.table->name; }
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

  bool reshaped() const { return !lake_steps.empty(); }
};

class HotLanding final : public Landing {
 public:
  HotLanding(std::string connector, OpenSession sessions, lake::Committer& committer, lake::FoldEpoch& epoch,
             LandingOptions options);
  ~HotLanding() override;
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

  Result<uint64_t> fold(bool now, std::stop_token stop) override;

 private:
  using Work = std::function<Status(lake::SqlSession& session)>;
  using Clock = std::chrono::steady_clock;

  // hot_landing.cc
  void at(std::string_view step) const;
  Error classified(Error error) const;
  Result<std::unique_ptr<lake::SqlSession>> session() const;
  /// One transaction of the hot database beside the committing thread's, by the owner of the connector; `known` notes
  /// what it has changed before that thread goes on.
  Status hot_step(lake::SqlSession& session, const Work& work, const std::function<void()>& known = {});
  /// One statement of the lake in its turn, in autocommit.
  Status lake_statement(lake::SqlSession& session, const std::string& sql, std::stop_token stop = {});
  LandedTable landed(const Copy& copy) const;
  Result<Copy> copy_of(const plan::TableName& table) const;
  std::vector<Copy> complete_copies() const;
  void put(Copy copy);
  void remove(const plan::TableName& table);
  std::string lake_of(const plan::TableName& table) const { return lake_table(records_.connector(), table); }
  std::string hot_of(const plan::TableName& table) const { return hot_table(records_.connector(), table); }

  // hot_landing_copies.cc
  Result<uint64_t> load_rows(lake::SqlSession& session, const Copy& copy, const std::string& scan,
                             const std::stop_token& stop);
  Status add_constants(lake::SqlSession& session, const Copy& copy, const std::stop_token& stop);
  Status empty_lake_table(lake::SqlSession& session, const plan::TableName& table, const std::stop_token& stop);
  void set_half_loaded(const plan::TableName& table, bool half_loaded);
  Status in_turn(lake::SqlSession& session, const std::function<Status()>& work, const std::stop_token& stop);
  Status fill_unchanged(lake::SqlSession& hot, const Copy& copy);
  Status bury_truncated(lake::SqlSession& hot, Copy& copy);

  // hot_landing_shape.cc
  Status undo_intents(lake::SqlSession& session);
  Status undo_intents_in_turn(lake::SqlSession& session);
  Status undo(lake::SqlSession& session, const ShapeIntent& intent);
  Result<std::map<std::string, std::string>> lake_columns(lake::SqlSession& session,
                                                          const plan::TableName& table) const;
  Status apply_shape(const connector::SchemaChange& change);
  Status commit_shapes(const LandedPosition& position);
  Status change_lake_shapes(lake::SqlSession& session, bool unseen);

  // hot_landing_changes.cc
  Status apply_rows(const connector::RowChanges& changes);
  Status apply_truncation(const connector::Truncation& truncation);
  Result<CopyChange*> changed(const plan::TableName& table);
  Status insert_resolved(const connector::RowChanges& changes, CopyChange& copy, const Copy& before,
                         const std::string& batch, const std::string& condition);
  bool has_first_hot_rows() const;
  Status finish_hot(const LandedPosition& position);
  void adopt(const LandedPosition& position);
  void forget_transaction();

  // hot_landing_fold.cc
  bool due(const Copy& copy, bool now) const;
  /// One fold under way.
  struct Fold {
    const std::vector<Copy>& copies;               ///< all that are complete
    std::map<plan::TableName, std::string> up_to;  ///< the last event of those that have hot rows
    uint64_t moved = 0;                            ///< rows
    bool gave_way = false;                         ///< to the committing thread
  };
  Result<uint64_t> fold_tables(const std::vector<Copy>& copies, std::stop_token stop);
  Status fold_rows(lake::SqlSession& session, const Copy& copy, Fold& fold);
  bool are_unchanged(const std::vector<Copy>& copies) const;
  Status switch_over(lake::SqlSession& lake, Fold& fold);
  void joined(const Fold& fold);

  // hot_landing_upkeep.cc
  Status upkeep(bool now, std::stop_token stop);
  Status tidy(const Copy& copy, bool now, std::stop_token stop);
  Result<bool> rewrite(const Copy& copy, double deleted_share, std::stop_token stop);
  Status expire(std::stop_token stop);
  Status checkpoint_hot(bool now);

  const OpenSession sessions_;
  lake::Committer& committer_;
  lake::FoldEpoch& epoch_;
  const LandingOptions options_;
  const HotRecords records_;
  EvenClock clock_;  ///< by which things are old

  mutable std::mutex mutex_;  ///< of the next three
  std::map<plan::TableName, Copy> copies_;
  std::optional<LandedPosition> position_;
  std::map<plan::TableName, const lake::SqlSession*> loads_;

  /// A load is shown as long as this lives.
  class ShownLoad;

  HotGate gate_;
  std::mutex folding_;  ///< one fold or rewrite at a time
  const lake::Retention::Wish retention_;

  // The committing thread's.
  std::unique_ptr<lake::SqlSession> session_;
  bool open_ = false;
  bool undo_is_due_ = false;  ///< a change of shape failed and could not be undone yet
  std::map<plan::TableName, CopyChange> changes_;
  std::map<plan::TableName, int> views_;  ///< numbers of the views that batches are shown as
};

}  // namespace weir::sync
