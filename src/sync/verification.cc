#include "sync/verification.h"

#include <algorithm>

#include "sync/copy_sql.h"

namespace weir::sync {
namespace {

using nlohmann::json;

/// A row that is changed all the time is not compared in the end.
constexpr int kRoundsMax = 5;
constexpr int kFailuresMax = 5;
constexpr size_t kExamplesMax = 20;
/// So many keys are asked for by name; for more the whole table is read again.
constexpr uint64_t kKeysAskedMax = 2'000;
constexpr std::chrono::seconds kWaitMax{60};
/// How long one try waits for a copy that is being switched.
constexpr std::chrono::seconds kSwitchMax{1};

uint64_t number(const std::string& text) { return text.empty() ? 0 : std::stoull(text); }

}  // namespace

Result<json> Verification::run(std::unique_ptr<lake::SqlSession> session, std::stop_token stop) {
  session_ = std::move(session);
  const std::stop_callback on_stop(stop, [this] { session_->interrupt(); });
  WEIR_TRY(session_->run("CREATE TEMP TABLE weir_again (pk VARCHAR, kind VARCHAR)"));
  int failures = 0;
  while (!done_) {
    const auto equal = equal_;
    const auto rounds = rounds_;
    auto compared = round(stop);
    // A TRUNCATE, or anything else that rewrites the table, leaves nothing to be read of the moment before it.
    if (!compared && compared.error().code == ErrorCode::schema_drift && ++failures < kFailuresMax) {
      static_cast<void>(session_->run("ROLLBACK"));
      equal_ = equal;
      rounds_ = rounds;
      done_ = false;
      examples_ = json::array();
      continue;
    }
    if (stop.stop_requested()) {
      return fail(ErrorCode::cancelled, "the comparison of " + table_.to_string() + " was cancelled");
    }
    WEIR_TRY(std::move(compared));
  }
  return document();
}

Status Verification::round(std::stop_token stop) {
  const auto point = WEIR_TRY(changes_->snapshot_point(stop));
  WEIR_TRY(wait_for(point->position(), stop));
  const lake::Committer::LongWrite reading(committer_);  // files of the lake must stay as long
  const auto landed = WEIR_TRY(begin_reading(*point));
  const auto& table = *landed.table;
  if (rounds_ == 0) position_ = point->position();
  const Comparison comparison{connector_, table, point->name(), point->position(), rounds_ > 0, landed.hot_rows > 0};
  ++rounds_;
  // An interruption ends a running statement only.
  if (stop.stop_requested()) return fail(ErrorCode::cancelled, "cancelled");
  const auto keys = comparison.again ? WEIR_TRY(keys_to_ask(table)) : std::string();
  WEIR_TRY(session_->run(find_sql(comparison, keys)));
  WEIR_TRY(count(done_));
  if (done_) WEIR_TRY(show_examples(comparison));
  WEIR_TRY(session_->run(again_sql()));
  return session_->run("COMMIT");
}

Status Verification::wait_for(const connector::Position& position, const std::stop_token& stop) const {
  auto reached = board_.wait(table_, {position, {}}, kWaitMax, [&] { return stop.stop_requested(); });
  if (reached || reached.error().code != ErrorCode::timeout) return reached;
  return fail(ErrorCode::timeout,
              "the copy of " + table_.to_string() + " did not get to " + position +
                  ", where it was to be compared, within " + std::to_string(kWaitMax.count()) + " s",
              "Look at GET /v1/connectors/" + connector_ + "/status, and compare when the copy has caught up.");
}

/// The table as the landing has it now.
Result<LandedTable> Verification::landed() const {
  auto landed = landing_->table(table_);
  if (landed && landed->phase == CopyPhase::complete) return std::move(*landed);
  return fail(ErrorCode::table_snapshotting, "the copy of " + table_.to_string() + " is not complete");
}

/// Begins the transaction, with snapshots of the hot database and the lake between which no fold has moved rows.
Result<LandedTable> Verification::begin_reading(const connector::SnapshotPoint& point) {
  while (true) {
    static_cast<void>(committer_.epoch().settles(kSwitchMax));
    const auto epoch = committer_.epoch().now();
    const auto found = WEIR_TRY(landed());
    WEIR_TRY(session_->run("BEGIN"));
    const Comparison comparison{connector_,       *found.table,    point.name(),
                                point.position(), /*again=*/false, found.hot_rows > 0};
    for (const auto& sql : take_snapshots_sql(comparison)) WEIR_TRY(session_->rows(sql));
    const bool same = WEIR_TRY(landed()).table == found.table;
    if (same && committer_.epoch().still(epoch)) return found;
    WEIR_TRY(session_->run("ROLLBACK"));
  }
}

Result<std::string> Verification::keys_to_ask(const connector::ChangeTable& table) const {
  const auto left = number(WEIR_TRY(session_->rows("SELECT count(*) FROM weir_again"))[0][0]);
  if (left > kKeysAskedMax) return std::string();
  std::vector<std::string> pks;
  for (auto& row : WEIR_TRY(session_->rows("SELECT pk FROM weir_again"))) pks.push_back(std::move(row[0]));
  return key_condition(table, pks);
}

Status Verification::count(bool& done) {
  left_ = {};
  for (const auto& row : WEIR_TRY(session_->rows(totals_sql()))) {
    auto& totals = row[0] == kEqual ? equal_ : left_;
    totals.keys[row[0]] += number(row[1]);
    totals.source += number(row[2]);
    totals.copy += number(row[3]);
  }
  done = rounds_ == kRoundsMax || WEIR_TRY(session_->rows(open_sql()))[0][0] == "0";
  return {};
}

Status Verification::show_examples(const Comparison& comparison) {
  std::vector<std::string> pks;
  for (const auto& row : WEIR_TRY(session_->rows(examples_sql(kExamplesMax)))) {
    pks.push_back(row[0]);
    examples_.push_back({{"key", row[0]}, {"kind", row[1]}, {"source", nullptr}, {"copy", nullptr}});
  }
  if (pks.empty()) return {};
  const auto add = [&](const char* side, const std::string& sql) -> Status {
    for (const auto& row : WEIR_TRY(session_->rows(sql))) {
      const auto key_of = [](const json& one) { return one.at("key").get<std::string>(); };
      const auto example = std::ranges::find(examples_, row[0], key_of);
      if (example != examples_.end()) (*example)[side] = json::parse(row[1], nullptr, false);
    }
    return {};
  };
  WEIR_TRY(add("source", source_rows_sql(comparison, pks, key_condition(comparison.table, pks))));
  return add("copy", copy_rows_sql(comparison, pks));
}

json Verification::document() const {
  const auto keys = [this](const std::string& kind) {
    const auto found = left_.keys.find(kind);
    return found == left_.keys.end() ? uint64_t{0} : found->second;
  };
  const auto missing = keys("missing"), extra = keys("extra"), different = keys("different");
  return {{"table", table_.to_string()},
          {"position", position_},
          {"rounds", rounds_},
          {"rows_source", equal_.source + left_.source},
          {"rows_copy", equal_.copy + left_.copy},
          {"equal", missing + extra + different == 0},
          {"missing", missing},
          {"extra", extra},
          {"different", different},
          {"not_compared", keys(std::string(kChanging))},
          {"examples", examples_}};
}

}  // namespace weir::sync
