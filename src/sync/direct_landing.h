/// The landing that takes every commit in the lake itself: rows, position and what is recorded of the copies in one
/// transaction of DuckLake (docs/decisions/0006).
#pragma once

#include <string>

#include "sync/copy_landing.h"

namespace weir::sync {

/// The hot tables are temporary ones of its session: those of complete tables take the changes of one transaction,
/// those of loading tables what comes until the snapshot is there. They are lost with the process, and the table is
/// then prepared anew.
class DirectLanding final : public CopyLanding {
 public:
  DirectLanding(const std::string& connector, OpenSession sessions, lake::Committer& committer, lake::FoldEpoch& epoch,
                LandingOptions options);

  /// Whether something of the connector landed so.
  static Result<bool> has_landed(lake::SqlSession& session, const std::string& connector);

  bool commits_in_lake() const override { return true; }
  Status drop_all() override;
  /// There is nothing to fold: upkeep only.
  Result<uint64_t> fold(bool now, std::stop_token stop) override;

 private:
  Status make_records() override;
  std::string hot_of(const plan::TableName& table) const override;
  std::string_view create_hot() const override { return "CREATE OR REPLACE TEMP TABLE"; }
  Status make_hot(const CopyShape& shape) override;
  Status drop_hot(const plan::TableName& table) override;
  Status recall_hot(Copy& copy) override;
  Status before_changes(const Copy& copy) override;
  Status settle_hot(Copy& copy) override;
  Status end(lake::SqlSession& session, const std::function<Status()>& commit) override;
  Status land(const LandedPosition& position) override;
  Status land_in_turn(const LandedPosition& position) override;
  ExtentSizes extent_sizes() const override;
  std::string_view extent_size_max() const override { return "64MiB"; }

  Status write(const LandedPosition& position);
  Status commit_lake(const LandedPosition& position);
  Result<bool> may_supersede(const plan::TableName& table, const CopyChange& change);
  void lose_loading();
};

}  // namespace weir::sync
