/// Compares one table of a live copy with its source.
#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "connector/changes.h"
#include "lake/committer.h"
#include "sync/board.h"
#include "sync/landing.h"
#include "sync/verify.h"

namespace weir::sync {

/// Round by round: a moment of the source is taken, the copy is waited for until it has everything up to it, and both
/// are compared. Rows that the copy has later changes of, and differences, are compared again in the next round.
class Verification {
 public:
  Verification(std::string connector, plan::TableName table, std::shared_ptr<connector::ChangeSource> changes,
               std::shared_ptr<Landing> landing, const Board& board, lake::Committer& committer)
      : connector_(std::move(connector)),
        table_(std::move(table)),
        changes_(std::move(changes)),
        landing_(std::move(landing)),
        board_(board),
        committer_(committer) {}

  /// The result as SyncDesk::verify. Errors: timeout (the copy does not get there), table_snapshotting, source_*,
  /// cancelled.
  Result<nlohmann::json> run(std::unique_ptr<lake::SqlSession> session, std::stop_token stop);

 private:
  Status round(std::stop_token stop);
  Status wait_for(const connector::Position& position, const std::stop_token& stop) const;
  Result<LandedTable> landed() const;
  Result<LandedTable> begin_reading(const connector::SnapshotPoint& point);
  Result<std::string> keys_to_ask(const connector::ChangeTable& table) const;
  Status count(bool& done);
  Status show_examples(const Comparison& comparison);
  nlohmann::json document() const;

  struct Totals {
    uint64_t source = 0, copy = 0;
    std::map<std::string, uint64_t> keys;  ///< by kind
  };

  const std::string connector_;
  const plan::TableName table_;
  const std::shared_ptr<connector::ChangeSource> changes_;
  const std::shared_ptr<Landing> landing_;
  const Board& board_;
  lake::Committer& committer_;
  std::unique_ptr<lake::SqlSession> session_;
  int rounds_ = 0;
  bool done_ = false;
  connector::Position position_;
  Totals equal_;  ///< of all rounds
  Totals left_;   ///< of the last round
  nlohmann::json examples_ = nlohmann::json::array();
};

}  // namespace weir::sync
