/// What is recorded of a connector with its rows: position, copied tables, changes of shape under way.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "lake/sql_session.h"
#include "sync/landing.h"
#include "sync/table_description.h"

namespace weir::sync {

/// A copied table as it is recorded.
struct CopyRecord {
  CopyShape shape;
  uint64_t version = 0;  ///< grows with every change of shape
  CopyPhase phase = CopyPhase::loading;
  connector::Position snapshot;  ///< empty: not known yet
  int64_t snapshot_at_us = 0;    ///< since 1970
  std::string truncated;  ///< while the table is loading: the last TRUNCATE, "<_kyma_lsn>@<microseconds since 1970>"
};

/// A change of a lake table's shape that was begun: what its columns were.
struct ShapeIntent {
  plan::TableName table;
  uint64_t version_after = 0;
  std::string columns_before;  ///< JSON: {"column id": "name"}
};

/// All calls run inside the session's transaction. Errors: as Landing's.
class LandingRecords {
 public:
  /// The tables are in the schema `place`.
  LandingRecords(std::string connector, std::string owner, std::string place)
      : connector_(std::move(connector)), owner_(std::move(owner)), place_(std::move(place)) {}

  const std::string& connector() const { return connector_; }
  const std::string& place() const { return place_; }

  /// The statements that make the tables that are not there.
  std::vector<std::string> make_sql() const;

  /// Nothing before the first `advance`.
  Result<std::optional<LandedPosition>> position(lake::SqlSession& session) const;
  /// Makes this owner the connector's; every other one's next `advance` or `hold` fails.
  Status take_over(lake::SqlSession& session) const;
  /// Replaces exactly the one row of this owner. Errors: commit_conflict.
  Status advance(lake::SqlSession& session, const LandedPosition& position) const;
  /// Replaces that row by itself, so that the transaction conflicts with a `take_over`. Errors: commit_conflict.
  Status hold(lake::SqlSession& session) const;

  Result<std::vector<CopyRecord>> copies(lake::SqlSession& session) const;
  Status save(lake::SqlSession& session, const CopyRecord& copy) const;
  Status forget(lake::SqlSession& session, const plan::TableName& table) const;
  Status forget_all(lake::SqlSession& session) const;

  Result<std::vector<ShapeIntent>> intents(lake::SqlSession& session) const;
  Status intend(lake::SqlSession& session, const ShapeIntent& intent) const;
  Status settle(lake::SqlSession& session, const plan::TableName& table) const;

 private:
  Result<std::vector<std::string>> take_row(lake::SqlSession& session) const;
  std::string in_place(std::string_view table) const;
  std::string of_table(const plan::TableName& table) const;
  std::unexpected<Error> taken() const;

  std::string connector_;
  std::string owner_;
  std::string place_;
};

}  // namespace weir::sync
