/// The landing that takes every commit in the hot database and folds it into the lake from time to time
/// (docs/decisions/0004).
#pragma once

#include <set>
#include <string>

#include "sync/copy_landing.h"

namespace weir::sync {

class HotLanding final : public CopyLanding {
 public:
  HotLanding(std::string connector, OpenSession sessions, lake::Committer& committer, lake::FoldEpoch& epoch,
             LandingOptions options);

  /// Whether something of the connector landed so.
  static Result<bool> has_landed(lake::SqlSession& session, const std::string& connector);

  bool commits_in_lake() const override { return false; }
  Result<uint64_t> fold(bool now, std::stop_token stop) override;

 private:
  Status make_records() override;
  std::string hot_of(const plan::TableName& table) const override;
  std::string_view create_hot() const override { return "CREATE OR REPLACE TABLE"; }
  Status make_hot(const CopyShape& shape) override;
  Status drop_hot(const plan::TableName& table) override;
  Status recall_hot(Copy& copy) override;
  Status before_changes(const Copy&) override { return {}; }
  Status settle_hot(Copy& copy) override;
  Status end(lake::SqlSession&, const std::function<Status()>& commit) override { return commit(); }
  Status land(const LandedPosition& position) override;
  Status land_in_turn(const LandedPosition& position) override;
  ExtentSizes extent_sizes() const override;
  std::string_view extent_size_max() const override { return "256MiB"; }

  bool has_first_hot_rows() const;
  bool due(const Copy& copy, bool now) const;
  /// One fold under way.
  struct Fold {
    const std::vector<Copy>& copies;                    ///< all that are complete
    std::string begun_at = {};                          ///< the newest snapshot of the lake then
    std::map<plan::TableName, std::string> up_to = {};  ///< the last event of those that have hot rows
    std::set<plan::TableName> buried = {};              ///< those whose hot rows have tombstones
    uint64_t moved = 0;                                 ///< rows
    bool gave_way = false;                              ///< to the committing thread, or to another commit
    bool overtaken = false;                             ///< by another commit
  };
  Result<uint64_t> fold_tables(const std::vector<Copy>& copies, std::stop_token stop);
  Status fold_rows(lake::SqlSession& session, const Copy& copy, Fold& fold);
  Status fold_or_note(lake::SqlSession& session, const Copy& copy, Fold& fold);
  bool are_unchanged(const std::vector<Copy>& copies) const;
  Status switch_over(lake::SqlSession& lake, Fold& fold);
  void joined(const Fold& fold);
  Status checkpoint_hot(bool now);
  Status look_for_tombstones();

  int overtaken_ = 0;  ///< folds by another commit, one after the other; under `folding_`
};

}  // namespace weir::sync
