/// All live copies of this process: the desk that the fleet gives its orders to.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "connector/sync_desk.h"
#include "sync/runner.h"

namespace weir::sync {

/// Thread-safe.
class Copies final : public connector::SyncDesk {
 public:
  explicit Copies(RunnerServices services);
  ~Copies() override;
  Copies(const Copies&) = delete;
  Copies& operator=(const Copies&) = delete;

  std::vector<std::string> keep(connector::SyncOrder order) override;
  void pause(const std::string& id, bool paused) override;
  Status stop(const std::string& id, bool forget) override;
  Status resync(const std::string& id, const std::string& table) override;
  Result<nlohmann::json> verify(const std::string& id, const std::string& table, const std::stop_token& stop) override;
  nlohmann::json status(const std::string& id) const override;
  std::vector<connector::TableHealth> health(const std::string& id) const override;
  std::vector<plan::TableName> tables(const std::string& id) const override;
  std::optional<connector::CopyState> copy(const std::string& id, const plan::TableName& table) const override;
  Status wait(const std::string& id, const plan::TableName& table, const connector::FreshnessDemand& demand,
              std::chrono::milliseconds limit, const std::function<bool()>& stop) const override;
  std::vector<std::string> stalled() const override;

 private:
  struct Kept {
    std::string name;
    std::shared_ptr<Runner> runner;
  };
  std::shared_ptr<Runner> find(const std::string& id) const;
  Result<std::shared_ptr<Runner>> runner_of(const std::string& id) const;

  const RunnerServices services_;
  mutable std::mutex mutex_;
  std::map<std::string, Kept> kept_;
};

}  // namespace weir::sync
