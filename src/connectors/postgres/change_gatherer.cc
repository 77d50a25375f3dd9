#include "connectors/postgres/change_gatherer.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace weir::postgres {
namespace {

/// Classes of SQLSTATE that a cast fails with whenever it is tried: what the values, their type or the function that
/// casts them is at fault for.
constexpr std::array kLastingClasses = {"0A", "22", "23", "42", "54", "P0"};

/// Whether an error is the fault of a table's values, and comes again with them. All others pass, or concern
/// everything.
bool is_of_values(const Error& error) {
  switch (error.code) {
    case ErrorCode::schema_drift:
    case ErrorCode::value_out_of_range:
    case ErrorCode::internal:
      return true;
    case ErrorCode::source_query_failed:
      return std::ranges::any_of(kLastingClasses, [&](const char* prefix) {
        return error.message.find(std::string("(SQLSTATE ") + prefix) != std::string::npos;
      });
    default:
      return false;
  }
}

}  // namespace

ChangeRows& ChangeGatherer::rows_of(const FollowedTablePtr& followed) {
  if (latest_ == followed.get()) return *latest_rows_;
  const uint32_t oid = followed->source.oid;
  if (const auto found = open_.find(oid); found != open_.end()) {
    auto& rows = std::get<std::unique_ptr<ChangeRows>>(parts_[found->second]);
    if (&rows->followed() == followed.get()) {
      latest_ = followed.get();
      latest_rows_ = rows.get();
      return *rows;
    }
  }
  open_[oid] = parts_.size();
  auto& rows = std::get<std::unique_ptr<ChangeRows>>(parts_.emplace_back(std::make_unique<ChangeRows>(followed)));
  latest_ = followed.get();
  latest_rows_ = rows.get();
  return *rows;
}

Status ChangeGatherer::add_row(const FollowedTablePtr& followed, const pgoutput::Row& row, EventStamp& stamp) {
  ChangeRows& rows = rows_of(followed);
  const int64_t rows_before = rows.rows();
  const uint64_t bytes_before = rows.bytes();
  const Status applied = rows.apply(row, stamp);
  if (applied) [[likely]] {
    rows_ += static_cast<uint64_t>(rows.rows() - rows_before);
    bytes_ += rows.bytes() - bytes_before;
    return {};
  }
  const auto found = open_.find(followed->source.oid);
  parts_.erase(parts_.begin() + static_cast<int64_t>(found->second));
  for (auto& [oid, part] : open_) {
    if (part > found->second) part--;
  }
  open_.erase(found);
  latest_ = nullptr;
  return applied;
}

void ChangeGatherer::add(uint32_t oid, connector::Change change) {
  open_.erase(oid);
  latest_ = nullptr;
  parts_.emplace_back(std::move(change));
}

Result<std::vector<connector::Change>> ChangeGatherer::take(TextCasts& casts, std::vector<Failure>& failures) {
  std::vector<connector::Change> changes;
  open_.clear();
  latest_ = nullptr;
  rows_ = bytes_ = 0;
  for (Part& part : std::exchange(parts_, {})) {
    if (auto* change = std::get_if<connector::Change>(&part)) {
      changes.push_back(std::move(*change));
      continue;
    }
    ChangeRows& rows = *std::get<std::unique_ptr<ChangeRows>>(part);
    auto taken = rows.take(casts);
    if (taken) {
      changes.push_back(std::move(*taken));
    } else if (is_of_values(taken.error())) {
      failures.push_back({rows.followed().source.oid, std::move(taken.error())});
    } else {
      return fail(std::move(taken.error()));
    }
  }
  return changes;
}

}  // namespace weir::postgres
