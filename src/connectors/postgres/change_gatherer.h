/// Gathers what a stream brings into the changes of one group.
#pragma once

#include <memory>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/result.h"
#include "connector/changes.h"
#include "connectors/postgres/change_rows.h"

namespace weir::postgres {

/// One thread.
class ChangeGatherer {
 public:
  /// Errors: those of ChangeRows::apply; what was gathered of the table in this group is gone then.
  Status add_row(const FollowedTablePtr& followed, const pgoutput::Row& row, EventStamp& stamp);
  /// Anything but rows, of the table with this oid: its rows so far stay in front of it.
  void add(uint32_t oid, connector::Change change);

  bool is_empty() const { return parts_.empty(); }
  uint64_t rows() const { return rows_; }
  uint64_t bytes() const { return bytes_; }

  /// A table whose values could not be turned into text.
  struct Failure {
    uint32_t oid;
    Error error;
  };
  /// What was gathered, in order, and begins anew. Tables whose values could not be cast are left out and reported.
  /// Errors: those of TextCasts::cast that are not the values' fault.
  Result<std::vector<connector::Change>> take(TextCasts& casts, std::vector<Failure>& failures);

 private:
  using Part = std::variant<connector::Change, std::unique_ptr<ChangeRows>>;

  ChangeRows& rows_of(const FollowedTablePtr& followed);

  std::vector<Part> parts_;
  std::unordered_map<uint32_t, size_t> open_;  ///< by the table's oid: the part that takes its rows
  const FollowedTable* latest_ = nullptr;      ///< and the table that had the last one
  ChangeRows* latest_rows_ = nullptr;
  uint64_t rows_ = 0, bytes_ = 0;
};

}  // namespace weir::postgres
